-- Written by ./scripts/make-models from expectations/contracts/ticket.yml.
{{ current_rows('ticket') }}
