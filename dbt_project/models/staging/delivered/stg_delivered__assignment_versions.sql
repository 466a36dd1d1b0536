-- Written by ./scripts/make-models from expectations/contracts/assignment.yml.
{{ valid_versions('assignment') }}
