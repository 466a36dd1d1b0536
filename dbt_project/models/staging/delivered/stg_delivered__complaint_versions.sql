-- Written by ./scripts/make-models from expectations/contracts/complaint.yml.
{{ valid_versions('complaint') }}
