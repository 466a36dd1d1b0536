-- Written by ./scripts/make-models from expectations/contracts/equipment.yml.
{{ delivered_rows('equipment') }}
