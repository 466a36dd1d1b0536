-- Written by ./scripts/make-models from expectations/contracts/fit_out_finding.yml.
{{ current_rows('fit_out_finding') }}
