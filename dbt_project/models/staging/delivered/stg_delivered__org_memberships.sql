-- Written by ./scripts/make-models from expectations/contracts/org_membership.yml.
{{ current_rows('org_membership') }}
