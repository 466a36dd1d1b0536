-- Written by ./scripts/make-models from expectations/contracts/equipment.yml.
{{ current_rows('equipment') }}
