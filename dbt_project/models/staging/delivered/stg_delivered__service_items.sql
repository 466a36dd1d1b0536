-- Written by ./scripts/make-models from expectations/contracts/service_item.yml.
{{ current_rows('service_item') }}
