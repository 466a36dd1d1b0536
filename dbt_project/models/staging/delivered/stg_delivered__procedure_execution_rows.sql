-- Written by ./scripts/make-models from expectations/contracts/procedure_execution.yml.
{{ delivered_rows('procedure_execution') }}
