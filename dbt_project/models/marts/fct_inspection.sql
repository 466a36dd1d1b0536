{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, source_inspection_id) in (
                select touched.source_id, touched.source_inspection_id
                from {{ ref('int_inspections__touched') }} as touched
            )"
        ],
        indexes=[
            {'columns': ['source_id', 'source_inspection_id'], 'unique': true},
            {'columns': ['planned_date']},
            {'columns': ['due_date']},
            {'columns': ['done_date']},
            {'columns': ['delivery_id']},
        ],
        meta={'days': ['planned_date', 'due_date', 'done_date']},
        post_hook=note_days_when_new(),
    )
}}

with touched as (
    select * from {{ ref('int_inspections__touched') }}
),

delivered as (
    select * from {{ ref('stg_delivered__inspections') }}
),

items as (
    select * from {{ ref('fct_inspection_item') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

in_force as (
    select * from {{ ref('int_standards__in_force') }}
),

-- Not materialised: what is asked of history is asked by day.
attendances as not materialized (
    select * from {{ ref('fct_attendance') }}
),

people as (
    select * from {{ ref('stg_delivered__people') }}
),

inspections as (
    select
        delivered.*,
        delivered.status = 'done' as is_done,
        case
            when delivered.status = 'done'
                then coalesce(
                    (coalesce(delivered.started_at, delivered.ended_at) at time zone sources.time_zone)::date,
                    delivered.planned_date
                )
        end as done_date
    from delivered
    inner join touched
        on
            delivered.source_id = touched.source_id
            and delivered.source_inspection_id = touched.source_inspection_id
    inner join sources on delivered.source_id = sources.source_id
),

checked as (
    select
        items.source_id,
        items.source_inspection_id,
        count(items.is_passed)::integer as items_checked,
        count(*) filter (where not items.is_passed)::integer as items_failed,
        sum(items.findings)::integer as findings,
        sum(items.score) filter (where items.is_passed is not null) as score,
        sum(items.full_score) filter (where items.is_passed is not null) as full_score,
        sum(items.deduction_points) as deduction_points,
        array_agg(distinct items.standard_code order by items.standard_code)
            filter (where items.is_veto and not items.is_passed) as veto_codes
    from items
    inner join touched
        on
            items.source_id = touched.source_id
            and items.source_inspection_id = touched.source_inspection_id
    group by items.source_id, items.source_inspection_id
),

-- A shift belongs to the day it begins and may reach into the next.
duty_days as (
    select distinct inspections.done_date - past.days as day
    from inspections
    cross join (values (0), (1)) as past (days)
),

shifts as materialized (
    select
        attendances.source_id,
        attendances.person_id,
        attendances.shift_date as day,
        greatest(attendances.ends_at, attendances.clock_out_at) as until_at,
        (
            attendances.clock_in_at is not null
            or (attendances.shift_kind in ('work', 'standby') and attendances.status <> 'cancelled')
        ) as is_on_duty
    from duty_days
    inner join attendances on duty_days.day = attendances.shift_date
),

shift_days as (
    select distinct
        source_id,
        day
    from shifts
),

-- Nobody can be said to have been off duty on a day of which the person's source tells nothing.
on_duty as (
    select
        inspections.source_id,
        inspections.source_inspection_id,
        coalesce(bool_or(shifts.is_on_duty), false) as is_on_duty,
        bool_or(shift_days.day is not null) as is_known
    from inspections
    left join people on inspections.inspector_person_id = people.person_id
    left join shift_days
        on
            people.source_id = shift_days.source_id
            and inspections.done_date = shift_days.day
    left join shifts
        on
            inspections.inspector_person_id = shifts.person_id
            and (
                inspections.done_date = shifts.day
                or (inspections.done_date = shifts.day + 1 and inspections.started_at <= shifts.until_at)
            )
    where inspections.inspector_person_id is not null and inspections.done_date is not null
    group by inspections.source_id, inspections.source_inspection_id
)

select
    inspections.source_id,
    inspections.source_inspection_id,
    inspections.project_id,
    inspections.inspection_type,
    inspections.inspection_scope,
    inspections.theme,
    inspections.status,
    inspections.planned_date,
    inspections.planned_date
    + coalesce((in_force.inspection_grace_days ->> inspections.inspection_type)::integer, 0) as due_date,
    inspections.started_at,
    inspections.ended_at,
    inspections.done_date,
    inspections.is_done,
    inspections.is_announced,
    inspections.inspector_person_id,
    inspections.lead_department_id,
    coalesce(inspections.standards_release, in_force.standards_release) as standards_release,
    coalesce(checked.items_checked, 0) as items_checked,
    coalesce(checked.items_failed, 0) as items_failed,
    coalesce(checked.findings, 0) as findings,
    coalesce(inspections.score, checked.score) as score,
    coalesce(inspections.full_score, checked.full_score) as full_score,
    checked.deduction_points,
    coalesce(inspections.is_vetoed, checked.veto_codes is not null) as is_vetoed,
    coalesce(checked.veto_codes, '{}') as veto_codes,
    case when on_duty.is_on_duty or on_duty.is_known then on_duty.is_on_duty end as is_inspector_on_duty,
    inspections.delivery_id,
    inspections.row_number
from inspections
left join checked
    on
        inspections.source_id = checked.source_id
        and inspections.source_inspection_id = checked.source_inspection_id
left join on_duty
    on
        inspections.source_id = on_duty.source_id
        and inspections.source_inspection_id = on_duty.source_inspection_id
left join in_force
    on
        inspections.planned_date >= in_force.effective_from
        and inspections.planned_date < in_force.effective_until
