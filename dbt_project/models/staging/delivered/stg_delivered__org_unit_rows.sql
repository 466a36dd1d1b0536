-- Written by ./scripts/make-models from expectations/contracts/org_unit.yml.
{{ delivered_rows('org_unit') }}
