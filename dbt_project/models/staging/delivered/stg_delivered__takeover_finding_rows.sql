-- Written by ./scripts/make-models from expectations/contracts/takeover_finding.yml.
{{ delivered_rows('takeover_finding') }}
