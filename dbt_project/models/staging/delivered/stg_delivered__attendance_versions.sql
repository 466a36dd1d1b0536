-- Written by ./scripts/make-models from expectations/contracts/attendance.yml.
{{ valid_versions('attendance') }}
