-- Written by ./scripts/make-models from expectations/contracts/ticket_event.yml.
{{ delivered_rows('ticket_event') }}
