-- Written by ./scripts/make-models from expectations/contracts/inspection.yml.
{{ delivered_rows('inspection') }}
