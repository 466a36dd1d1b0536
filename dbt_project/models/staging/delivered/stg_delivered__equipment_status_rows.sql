-- Written by ./scripts/make-models from expectations/contracts/equipment_status.yml.
{{ delivered_rows('equipment_status') }}
