-- Written by ./scripts/make-models from expectations/contracts/goods_movement.yml.
{{ valid_versions('goods_movement') }}
