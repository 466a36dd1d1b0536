-- Written by ./scripts/make-models from expectations/contracts/service_item.yml.
{{ valid_versions('service_item') }}
