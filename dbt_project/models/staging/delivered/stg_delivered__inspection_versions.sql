-- Written by ./scripts/make-models from expectations/contracts/inspection.yml.
{{ valid_versions('inspection') }}
