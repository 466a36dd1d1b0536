-- Written by ./scripts/make-models from expectations/contracts/responsibility.yml.
{{ current_rows('responsibility') }}
