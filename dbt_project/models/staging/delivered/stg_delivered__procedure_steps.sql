-- Written by ./scripts/make-models from expectations/contracts/procedure_step.yml.
{{ current_rows('procedure_step') }}
