-- Written by ./scripts/make-models from expectations/contracts/certificate.yml.
{{ delivered_rows('certificate') }}
