-- Written by ./scripts/make-models from expectations/contracts/post.yml.
{{ delivered_rows('post') }}
