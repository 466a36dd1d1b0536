{{ config(materialized='view', tags=['facts']) }}

{#- Every part groups by its own day and no fact is materialised, so that a condition on `day` reaches the facts'
    index: a day is read, not history. -#}

with

items as (

    select * from {{ ref('int_inspection_items__weighted') }}

),

inspections as not materialized (

    select * from {{ ref('fct_inspection') }}

),

nonconformities as not materialized (

    select * from {{ ref('fct_nonconformity') }}
    where origin = 'inspection' and status <> 'cancelled'

),

answers as not materialized (

    select * from {{ ref('fct_survey_answer') }}

),

standards as not materialized (

    select * from {{ ref('dim_standard') }}
    where standard_kind = 'inspection'

),

deliveries as (

    select * from {{ source('ops', 'delivery') }}

),

-- The last day that any build has taken in, whoever looks; a plan reaches beyond it.
horizon as (

    select max(partition_date) as horizon_date
    from deliveries
    where entity in ('ticket', 'inspection_item', 'rectification', 'survey_answer') and rows_staged is not null

),

checked as (

    select
        items.checked_date as day,
        items.project_id,
        any_value(items.category_path) as category_path,
        items.standard_code,
        items.inspection_type,
        items.inspection_scope,
        sum(items.weight) as checked,
        sum(items.weight ^ 2) as checked_squares,
        sum(items.weight) filter (where items.is_passed) as passed,
        sum(items.full_points) as full_points,
        sum(items.full_points ^ 2) as full_squares,
        sum(items.deducted_points) as deducted
    from items
    group by 1, 2, 4, 5, 6

),

-- Judged on the last day on which an inspection counts as done in time, as tickets are on the day they are due.
planned as (

    select
        inspections.due_date as day,
        inspections.project_id,
        inspections.inspection_type,
        inspections.inspection_scope,
        count(*) as planned,
        count(*) filter (where inspections.done_date <= inspections.due_date) as done
    from inspections
    where inspections.status <> 'cancelled'
    group by 1, 2, 3, 4

),

held as (

    select
        inspections.done_date as day,
        inspections.project_id,
        inspections.inspection_type,
        inspections.inspection_scope,
        count(*) as held,
        count(*) filter (where inspections.is_vetoed) as vetoed
    from inspections
    where inspections.is_done
    group by 1, 2, 3, 4

),

found as (

    select
        nonconformities.found_date as day,
        nonconformities.project_id,
        nonconformities.standard_code,
        count(*) as found,
        count(*) filter (where nonconformities.is_repeated) as repeated
    from nonconformities
    group by 1, 2, 3

),

-- Findings that were not due yet have no verdict.
due as (

    select
        nonconformities.due_date as day,
        nonconformities.project_id,
        nonconformities.standard_code,
        count(*) as due,
        count(*) filter (where nonconformities.is_rectified_on_time) as on_time
    from nonconformities
    where nonconformities.is_rectified_on_time is not null
    group by 1, 2, 3

),

asked as (

    select
        answers.asked_date as day,
        answers.project_id,
        answers.dimension,
        answers.channel,
        count(*) as asked,
        count(*) filter (where answers.is_answered) as answered
    from answers
    group by 1, 2, 3, 4

),

answered as (

    select
        answers.answered_date as day,
        answers.project_id,
        answers.dimension,
        answers.channel,
        sum(answers.score) as points,
        sum(answers.full_score) as full_points,
        sum(answers.full_score ^ 2) as full_squares
    from answers
    where
        answers.is_answered
        and answers.answered_date is not null
        and answers.score is not null
        and answers.full_score > 0
    group by 1, 2, 3, 4

),

measured as (

    select
        checked.day,
        checked.project_id,
        checked.category_path,
        checked.standard_code,
        null::text as dimension,
        checked.inspection_type,
        checked.inspection_scope,
        null::text as channel,
        counted.measure,
        counted.value,
        counted.squares
    from checked
    cross join lateral (
        values
        ('inspection_items_checked', checked.checked, checked.checked_squares),
        ('inspection_items_passed', checked.passed, null),
        ('inspection_full_points', checked.full_points, checked.full_squares),
        ('inspection_deducted_points', checked.deducted, null)
    ) as counted (measure, value, squares)

    union all

    select
        planned.day,
        planned.project_id,
        null as category_path,
        null as standard_code,
        null as dimension,
        planned.inspection_type,
        planned.inspection_scope,
        null as channel,
        counted.measure,
        counted.value,
        counted.value as squares
    from planned
    cross join lateral (
        values ('inspections_planned', planned.planned), ('inspections_done', planned.done)
    ) as counted (measure, value)

    union all

    select
        held.day,
        held.project_id,
        null as category_path,
        null as standard_code,
        null as dimension,
        held.inspection_type,
        held.inspection_scope,
        null as channel,
        counted.measure,
        counted.value,
        counted.value as squares
    from held
    cross join lateral (
        values ('inspections_held', held.held), ('inspection_vetoes', held.vetoed)
    ) as counted (measure, value)

    union all

    select
        found.day,
        found.project_id,
        standards.category_path,
        found.standard_code,
        null as dimension,
        null as inspection_type,
        null as inspection_scope,
        null as channel,
        counted.measure,
        counted.value,
        counted.value as squares
    from found
    left join standards
        on
            found.standard_code = standards.standard_code
            and found.day >= standards.effective_from
            and found.day < standards.effective_until
    cross join lateral (
        values ('nonconformities_found', found.found), ('nonconformities_repeated', found.repeated)
    ) as counted (measure, value)

    union all

    select
        due.day,
        due.project_id,
        standards.category_path,
        due.standard_code,
        null as dimension,
        null as inspection_type,
        null as inspection_scope,
        null as channel,
        counted.measure,
        counted.value,
        counted.value as squares
    from due
    left join standards
        on
            due.standard_code = standards.standard_code
            and due.day >= standards.effective_from
            and due.day < standards.effective_until
    cross join lateral (
        values ('nonconformities_due', due.due), ('nonconformities_rectified_on_time', due.on_time)
    ) as counted (measure, value)

    union all

    select
        asked.day,
        asked.project_id,
        null as category_path,
        null as standard_code,
        asked.dimension,
        null as inspection_type,
        null as inspection_scope,
        asked.channel,
        counted.measure,
        counted.value,
        counted.value as squares
    from asked
    cross join lateral (
        values ('survey_questions_asked', asked.asked), ('survey_questions_answered', asked.answered)
    ) as counted (measure, value)

    union all

    select
        answered.day,
        answered.project_id,
        null as category_path,
        null as standard_code,
        answered.dimension,
        null as inspection_type,
        null as inspection_scope,
        answered.channel,
        counted.measure,
        counted.value,
        counted.squares
    from answered
    cross join lateral (
        values
        ('survey_full_points', answered.full_points, answered.full_squares),
        ('survey_points', answered.points, null)
    ) as counted (measure, value, squares)

)

select
    measured.day,
    measured.project_id,
    measured.category_path,
    measured.standard_code,
    measured.dimension,
    measured.inspection_type,
    measured.inspection_scope,
    measured.channel,
    measured.measure,
    measured.value::numeric as value,
    measured.squares::numeric as squares
from measured
cross join horizon
where measured.value > 0 and measured.day <= horizon.horizon_date
