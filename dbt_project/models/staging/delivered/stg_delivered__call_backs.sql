-- Written by ./scripts/make-models from expectations/contracts/call_back.yml.
{{ current_rows('call_back') }}
