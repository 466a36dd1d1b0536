-- Written by ./scripts/make-models from expectations/contracts/certificate.yml.
{{ current_rows('certificate') }}
