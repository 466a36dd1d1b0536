-- Written by ./scripts/make-models from expectations/contracts/rectification.yml.
{{ valid_versions('rectification') }}
