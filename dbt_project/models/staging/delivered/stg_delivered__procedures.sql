-- Written by ./scripts/make-models from expectations/contracts/procedure.yml.
{{ current_rows('procedure') }}
