-- Written by ./scripts/make-models from expectations/contracts/takeover_finding.yml.
{{ current_rows('takeover_finding') }}
