-- Written by ./scripts/make-models from expectations/contracts/takeover_finding.yml.
{{ valid_versions('takeover_finding') }}
