-- Written by ./scripts/make-models from expectations/contracts/goods_movement.yml.
{{ current_rows('goods_movement') }}
