-- Written by ./scripts/make-models from expectations/contracts/cost.yml.
{{ current_rows('cost') }}
