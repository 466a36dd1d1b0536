-- Written by ./scripts/make-models from expectations/contracts/complaint.yml.
{{ delivered_rows('complaint') }}
