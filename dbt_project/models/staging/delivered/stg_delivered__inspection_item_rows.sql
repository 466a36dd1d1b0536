-- Written by ./scripts/make-models from expectations/contracts/inspection_item.yml.
{{ delivered_rows('inspection_item') }}
