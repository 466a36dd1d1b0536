-- Written by ./scripts/make-models from expectations/contracts/fit_out_finding.yml.
{{ valid_versions('fit_out_finding') }}
