-- Written by ./scripts/make-models from expectations/contracts/org_unit.yml.
{{ current_rows('org_unit') }}
