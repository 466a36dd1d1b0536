-- Written by ./scripts/make-models from expectations/contracts/equipment_status.yml.
{{ valid_versions('equipment_status') }}
