-- Written by ./scripts/make-models from expectations/contracts/ticket_event.yml.
{{ valid_versions('ticket_event') }}
