-- Written by ./scripts/make-models from expectations/contracts/inspection_item.yml.
{{ valid_versions('inspection_item') }}
