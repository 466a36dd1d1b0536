-- Written by ./scripts/make-models from expectations/contracts/responsibility.yml.
{{ valid_versions('responsibility') }}
