-- Written by ./scripts/make-models from expectations/contracts/roster.yml.
{{ valid_versions('roster') }}
