-- Written by ./scripts/make-models from expectations/contracts/ticket_event.yml.
{{ current_rows('ticket_event') }}
