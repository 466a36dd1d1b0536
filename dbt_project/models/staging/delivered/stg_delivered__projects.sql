-- Written by ./scripts/make-models from expectations/contracts/project.yml.
{{ current_rows('project') }}
