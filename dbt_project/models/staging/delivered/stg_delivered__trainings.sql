-- Written by ./scripts/make-models from expectations/contracts/training.yml.
{{ current_rows('training') }}
