-- Written by ./scripts/make-models from expectations/contracts/call_back.yml.
{{ delivered_rows('call_back') }}
