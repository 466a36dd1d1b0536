-- Written by ./scripts/make-models from expectations/contracts/assignment.yml.
{{ delivered_rows('assignment') }}
