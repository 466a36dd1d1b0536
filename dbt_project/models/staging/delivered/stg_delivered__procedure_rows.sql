-- Written by ./scripts/make-models from expectations/contracts/procedure.yml.
{{ delivered_rows('procedure') }}
