-- Written by ./scripts/make-models from expectations/contracts/person.yml.
{{ valid_versions('person') }}
