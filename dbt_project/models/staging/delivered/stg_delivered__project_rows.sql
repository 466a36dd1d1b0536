-- Written by ./scripts/make-models from expectations/contracts/project.yml.
{{ delivered_rows('project') }}
