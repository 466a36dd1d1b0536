-- Written by ./scripts/make-models from expectations/contracts/complaint.yml.
{{ current_rows('complaint') }}
