-- Written by ./scripts/make-models from expectations/contracts/ticket.yml.
{{ valid_versions('ticket') }}
