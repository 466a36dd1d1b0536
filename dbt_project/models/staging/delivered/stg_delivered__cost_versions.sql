-- Written by ./scripts/make-models from expectations/contracts/cost.yml.
{{ valid_versions('cost') }}
