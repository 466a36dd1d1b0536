-- Written by ./scripts/make-models from expectations/contracts/rectification.yml.
{{ delivered_rows('rectification') }}
