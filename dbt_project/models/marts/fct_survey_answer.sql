{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(source_id, source_survey_answer_id) in (
                select answers.source_id, answers.source_survey_answer_id
                from {{ ref('stg_delivered__survey_answers') }} as answers
                where answers.delivery_id in ({{ deliveries_of_build() }})
            )"
        ],
        indexes=[
            {'columns': ['source_id', 'source_survey_answer_id'], 'unique': true},
            {'columns': ['asked_date']},
            {'columns': ['answered_date']},
            {'columns': ['delivery_id']},
        ],
        meta={'days': ['asked_date', 'answered_date']},
        post_hook=note_days_when_new(),
    )
}}

-- Not materialised: what is asked of history is asked by key.
with answers as not materialized (
    select * from {{ ref('stg_delivered__survey_answers') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

touched as (
    select
        source_id,
        source_survey_answer_id
    from answers
    where delivery_id in ({{ deliveries_of_build() }})
    {%- if is_incremental() %}
    union
    -- a row may mean something else now: the answer it used to be is looked at as well
    select
        source_id,
        source_survey_answer_id
    from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- endif %}
)

-- Who was asked, and what was said in words, stays in staging.
select
    answers.source_id,
    answers.source_survey_answer_id,
    answers.survey_id,
    answers.survey_kind,
    answers.project_id,
    answers.dimension,
    answers.question_code,
    answers.channel,
    answers.status,
    answers.asked_at,
    (answers.asked_at at time zone sources.time_zone)::date as asked_date,
    answers.answered_at,
    (answers.answered_at at time zone sources.time_zone)::date as answered_date,
    answers.status = 'answered' as is_answered,
    answers.score,
    answers.full_score,
    answers.answer_text is not null as has_verbatim,
    answers.source_ticket_id,
    answers.delivery_id,
    answers.row_number
from answers
inner join touched
    on
        answers.source_id = touched.source_id
        and answers.source_survey_answer_id = touched.source_survey_answer_id
inner join sources on answers.source_id = sources.source_id
