-- Written by ./scripts/make-models from expectations/contracts/post.yml.
{{ current_rows('post') }}
