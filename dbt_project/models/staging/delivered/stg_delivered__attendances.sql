-- Written by ./scripts/make-models from expectations/contracts/attendance.yml.
{{ current_rows('attendance') }}
