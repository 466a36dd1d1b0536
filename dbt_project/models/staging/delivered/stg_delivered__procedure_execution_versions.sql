-- Written by ./scripts/make-models from expectations/contracts/procedure_execution.yml.
{{ valid_versions('procedure_execution') }}
