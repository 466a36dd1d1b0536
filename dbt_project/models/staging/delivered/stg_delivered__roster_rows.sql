-- Written by ./scripts/make-models from expectations/contracts/roster.yml.
{{ delivered_rows('roster') }}
