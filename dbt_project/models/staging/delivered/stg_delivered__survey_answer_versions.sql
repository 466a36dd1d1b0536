-- Written by ./scripts/make-models from expectations/contracts/survey_answer.yml.
{{ valid_versions('survey_answer') }}
