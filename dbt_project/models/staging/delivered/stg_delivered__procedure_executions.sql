-- Written by ./scripts/make-models from expectations/contracts/procedure_execution.yml.
{{ current_rows('procedure_execution') }}
