-- Written by ./scripts/make-models from expectations/contracts/survey_answer.yml.
{{ delivered_rows('survey_answer') }}
