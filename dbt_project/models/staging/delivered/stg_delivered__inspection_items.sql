-- Written by ./scripts/make-models from expectations/contracts/inspection_item.yml.
{{ current_rows('inspection_item') }}
