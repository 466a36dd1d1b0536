-- Written by ./scripts/make-models from expectations/contracts/inspection.yml.
{{ current_rows('inspection') }}
