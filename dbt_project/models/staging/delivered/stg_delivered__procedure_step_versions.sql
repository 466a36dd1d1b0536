-- Written by ./scripts/make-models from expectations/contracts/procedure_step.yml.
{{ valid_versions('procedure_step') }}
