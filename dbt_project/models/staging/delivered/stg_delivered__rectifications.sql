-- Written by ./scripts/make-models from expectations/contracts/rectification.yml.
{{ current_rows('rectification') }}
