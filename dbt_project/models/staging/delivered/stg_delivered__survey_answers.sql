-- Written by ./scripts/make-models from expectations/contracts/survey_answer.yml.
{{ current_rows('survey_answer') }}
