-- Written by ./scripts/make-models from expectations/contracts/call_back.yml.
{{ valid_versions('call_back') }}
