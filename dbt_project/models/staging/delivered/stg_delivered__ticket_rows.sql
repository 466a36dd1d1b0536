-- Written by ./scripts/make-models from expectations/contracts/ticket.yml.
{{ delivered_rows('ticket') }}
