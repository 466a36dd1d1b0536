-- Written by ./scripts/make-models from expectations/contracts/roster.yml.
{{ current_rows('roster') }}
