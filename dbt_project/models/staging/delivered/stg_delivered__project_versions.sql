-- Written by ./scripts/make-models from expectations/contracts/project.yml.
{{ valid_versions('project') }}
