-- Written by ./scripts/make-models from expectations/contracts/cost.yml.
{{ delivered_rows('cost') }}
