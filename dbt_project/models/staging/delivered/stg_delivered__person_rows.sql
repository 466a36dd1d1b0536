-- Written by ./scripts/make-models from expectations/contracts/person.yml.
{{ delivered_rows('person') }}
