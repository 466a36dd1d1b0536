-- Written by ./scripts/make-models from expectations/contracts/procedure.yml.
{{ valid_versions('procedure') }}
