-- Written by ./scripts/make-models from expectations/contracts/equipment.yml.
{{ valid_versions('equipment') }}
