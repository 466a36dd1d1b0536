{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(source_id, source_training_id) in (
                select trainings.source_id, trainings.source_training_id
                from {{ ref('stg_delivered__trainings') }} as trainings
                where trainings.delivery_id in ({{ deliveries_of_build() }})
            )",
            "person_id in (select touched.person_id from {{ ref('int_people__touched') }} as touched)",
        ],
        indexes=[
            {'columns': ['source_id', 'source_training_id'], 'unique': true},
            {'columns': ['person_id']},
            {'columns': ['planned_date']},
            {'columns': ['delivery_id']},
        ],
        meta={'days': ['planned_date', 'held_date']},
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_people__touched') }}

-- Not materialised: what is asked of history is asked by key.
with trainings as not materialized (
    select * from {{ ref('stg_delivered__trainings') }}
),

people as (
    select * from {{ ref('dim_person') }}
),

touched as (
    select
        source_id,
        source_training_id
    from trainings
    where delivery_id in ({{ deliveries_of_build() }})
    {%- if is_incremental() %}
    union
    -- a row may mean something else now: the training it used to be is looked at as well
    select
        source_id,
        source_training_id
    from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    union
    -- where the person is placed may be told otherwise
    select
        source_id,
        source_training_id
    from {{ this }}
    where person_id in (select touched_people.person_id from {{ ref('int_people__touched') }} as touched_people)
    {%- endif %}
)

select
    trainings.source_id,
    trainings.source_training_id,
    trainings.person_id,
    people.project_id,
    people.post_id,
    people.post_function,
    trainings.course_id,
    trainings.course_name,
    trainings.training_kind,
    trainings.procedure_id,
    trainings.planned_date,
    trainings.held_date,
    trainings.status,
    trainings.status = 'done' as is_done,
    trainings.planned_hours,
    trainings.attended_hours,
    trainings.score,
    trainings.is_passed,
    trainings.delivery_id,
    trainings.row_number
from trainings
inner join touched
    on
        trainings.source_id = touched.source_id
        and trainings.source_training_id = touched.source_training_id
left join people
    on
        trainings.person_id = people.person_id
        and trainings.planned_date >= people.first_date
        and trainings.planned_date <= coalesce(people.last_date, 'infinity')
