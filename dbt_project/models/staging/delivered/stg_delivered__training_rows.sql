-- Written by ./scripts/make-models from expectations/contracts/training.yml.
{{ delivered_rows('training') }}
