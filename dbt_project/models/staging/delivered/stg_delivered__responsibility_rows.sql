-- Written by ./scripts/make-models from expectations/contracts/responsibility.yml.
{{ delivered_rows('responsibility') }}
