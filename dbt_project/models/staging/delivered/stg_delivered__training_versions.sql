-- Written by ./scripts/make-models from expectations/contracts/training.yml.
{{ valid_versions('training') }}
