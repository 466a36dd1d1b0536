-- Written by ./scripts/make-models from expectations/contracts/goods_movement.yml.
{{ delivered_rows('goods_movement') }}
