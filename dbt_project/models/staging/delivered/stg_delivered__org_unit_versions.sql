-- Written by ./scripts/make-models from expectations/contracts/org_unit.yml.
{{ valid_versions('org_unit') }}
