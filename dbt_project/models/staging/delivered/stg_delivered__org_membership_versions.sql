-- Written by ./scripts/make-models from expectations/contracts/org_membership.yml.
{{ valid_versions('org_membership') }}
