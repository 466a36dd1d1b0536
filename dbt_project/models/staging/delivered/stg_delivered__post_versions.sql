-- Written by ./scripts/make-models from expectations/contracts/post.yml.
{{ valid_versions('post') }}
