-- Written by ./scripts/make-models from expectations/contracts/attendance.yml.
{{ delivered_rows('attendance') }}
