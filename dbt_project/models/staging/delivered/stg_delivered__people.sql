-- Written by ./scripts/make-models from expectations/contracts/person.yml.
{{ current_rows('person') }}
