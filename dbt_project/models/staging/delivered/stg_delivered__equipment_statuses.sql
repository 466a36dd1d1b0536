-- Written by ./scripts/make-models from expectations/contracts/equipment_status.yml.
{{ current_rows('equipment_status') }}
