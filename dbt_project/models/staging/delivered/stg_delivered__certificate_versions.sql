-- Written by ./scripts/make-models from expectations/contracts/certificate.yml.
{{ valid_versions('certificate') }}
