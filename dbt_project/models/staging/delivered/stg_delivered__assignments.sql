-- Written by ./scripts/make-models from expectations/contracts/assignment.yml.
{{ current_rows('assignment') }}
