-- Written by ./scripts/make-models from expectations/contracts/org_membership.yml.
{{ delivered_rows('org_membership') }}
