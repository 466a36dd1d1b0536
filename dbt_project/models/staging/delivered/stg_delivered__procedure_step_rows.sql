-- Written by ./scripts/make-models from expectations/contracts/procedure_step.yml.
{{ delivered_rows('procedure_step') }}
