-- Written by ./scripts/make-models from expectations/contracts/service_item.yml.
{{ delivered_rows('service_item') }}
