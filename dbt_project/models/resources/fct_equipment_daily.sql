{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(equipment_id, day) in (
                select affected.equipment_id, affected.day
                from {{ ref('int_equipment_days__affected') }} as affected
            )"
        ],
        indexes=[
            {'columns': ['equipment_id', 'day'], 'unique': true},
            {'columns': ['day']},
        ],
        meta={'days': ['day']},
        pre_hook='set local enable_nestloop = off',
        post_hook=note_days_when_new(),
    )
}}

-- Its days are written down as changed, and no figure of a day has to be computed anew for them.
-- depends_on: {{ ref('int_days__affected') }}
-- depends_on: {{ ref('int_equipment_days__affected') }}

with affected as (
    select * from {{ ref('int_equipment_days__affected') }}
),

bounds as (
    select * from {{ ref('int_equipment__bounds') }}
),

equipment as (
    select
        registered.*,
        sources.time_zone,
        registered.installed_date
        + make_interval(months => round(12 * registered.service_life_years)::integer) as worn_out_date
    from {{ ref('dim_equipment') }} as registered
    inner join {{ source('ops', 'source') }} as sources on registered.source_id = sources.source_id
    where not registered.is_goods
),

versions as (
    select distinct on (equipment_id, partition_date) *
    from {{ ref('stg_delivered__equipment_versions') }}
    order by equipment_id asc, partition_date asc, delivery_id desc, row_number desc
),

spans as (
    select * from {{ ref('int_equipment_spans') }}
),

-- By the clock where the piece stands.
records as (
    select
        records.*,
        (records.done_at at time zone equipment.time_zone)::date as done_date
    from {{ ref('int_equipment_records') }} as records
    inner join equipment on records.equipment_id = equipment.equipment_id
),

scope as (
    select
        affected.day,
        equipment.*,
        affected.day::timestamp at time zone equipment.time_zone as begins_at,
        (affected.day + 1)::timestamp at time zone equipment.time_zone as ends_at,
        greatest(equipment.installed_date, bounds.first_date) as observed_from_date
    from affected
    inner join equipment on affected.equipment_id = equipment.equipment_id
    inner join bounds on affected.day between bounds.first_date and bounds.last_date
    where
        affected.day >= coalesce(equipment.installed_date, '-infinity')
        and affected.day <= coalesce(equipment.retired_date, 'infinity')
),

{%- set minutes = minutes_between(
    'greatest(spans.begins_at, scope.begins_at)', 'least(spans.ends_at, scope.ends_at)'
) %}

states as (
    select
        scope.equipment_id,
        scope.day,
        sum({{ minutes }})::integer as told_minutes,
        {%- for condition in ['up', 'down', 'maintenance', 'retired'] %}
        coalesce(sum({{ minutes }}) filter (where spans.condition = '{{ condition }}'), 0)::integer
            as {{ condition }}_minutes,
        {%- endfor %}
        coalesce(sum({{ minutes }}) filter (where spans.is_in_use), 0)::integer as in_use_minutes,
        (count(*) filter (where spans.is_failure and spans.begins_at >= scope.begins_at))::integer as failures,
        (count(spans.restoration_minutes) filter (where spans.ends_at < scope.ends_at))::integer as restorations,
        coalesce(sum(spans.restoration_minutes) filter (where spans.ends_at < scope.ends_at), 0)::bigint
            as restoration_minutes,
        min(spans.condition) filter (where spans.ends_at >= scope.ends_at or spans.ends_at is null) as last_condition,
        min(spans.equipment_state) filter (where spans.ends_at >= scope.ends_at or spans.ends_at is null)
            as last_state
    from scope
    inner join spans
        on
            scope.equipment_id = spans.equipment_id
            and scope.ends_at > spans.begins_at
            and scope.begins_at <= coalesce(spans.ends_at, 'infinity')
    group by scope.equipment_id, scope.day
),

work as (
    select
        equipment_id,
        done_date as day,
        (count(*) filter (where record_kind = 'repair' and is_done))::integer as repairs,
        coalesce(
            sum({{ minutes_between('started_at', 'ended_at') }}) filter (where record_kind = 'repair' and is_done), 0
        )::bigint as repair_minutes,
        (
            count(*) filter (where record_kind = 'statutory_inspection' and coalesce(result <> 'not_done', is_done))
        )::integer as statutory_inspections,
        (count(*) filter (where record_kind = 'statutory_inspection' and result = 'passed'))::integer
            as statutory_inspections_passed
    from records
    group by equipment_id, done_date
),

-- A piece that is planned for one day is due once, however many records tell of it.
planned as (
    select
        equipment_id,
        planned_date as day,
        bool_or(is_done) as is_done,
        bool_or(is_done and done_date <= planned_date) as is_done_on_time
    from records
    where record_kind = 'planned_maintenance' and planned_date is not null
    group by equipment_id, planned_date
),

maintained as (
    select
        equipment_id,
        done_date as first_date,
        lead(done_date, 1, 'infinity'::date) over (partition by equipment_id order by done_date) as until_date
    from (
        select distinct
            equipment_id,
            done_date
        from records
        where record_kind = 'planned_maintenance' and is_done
    ) as done
),

passed as (
    select
        equipment_id,
        done_date
    from records
    where record_kind = 'statutory_inspection' and result = 'passed'
),

-- A passed inspection makes a last day that was told before it one of the past.
settled as (
    select
        versions.equipment_id,
        versions.partition_date,
        versions.statutory_due_date,
        min(passed.done_date) as settled_date
    from versions
    left join passed
        on
            versions.equipment_id = passed.equipment_id
            and coalesce(versions.statutory_inspected_date, versions.partition_date) < passed.done_date
    group by versions.equipment_id, versions.partition_date, versions.statutory_due_date
),

-- The first that is told of a piece holds for the time before as well.
inspections_due as (
    select
        equipment_id,
        statutory_due_date,
        settled_date,
        case
            when lag(partition_date) over of_equipment is null then '-infinity'::date
            else partition_date
        end as first_date,
        lead(partition_date, 1, 'infinity'::date) over of_equipment as until_date
    from settled
    window of_equipment as (partition by equipment_id order by partition_date)
)

select
    scope.equipment_id,
    scope.day,
    scope.project_id,
    scope.equipment_kind,
    scope.statutory_kind,
    scope.maintainer_kind,
    states.last_state as equipment_state,
    nullif(states.last_condition, 'retired') in ('up', 'maintenance') as is_in_order,
    coalesce(states.up_minutes, 0) as up_minutes,
    coalesce(states.in_use_minutes, 0) as in_use_minutes,
    coalesce(states.down_minutes, 0) as down_minutes,
    coalesce(states.maintenance_minutes, 0) as maintenance_minutes,
    {{ minutes_between('scope.begins_at', 'scope.ends_at') }} - coalesce(states.told_minutes, 0) as unknown_minutes,
    coalesce(states.failures, 0) as failures,
    coalesce(states.restorations, 0) as restorations,
    coalesce(states.restoration_minutes, 0) as restoration_minutes,
    coalesce(work.repairs, 0) as repairs,
    coalesce(work.repair_minutes, 0) as repair_minutes,
    planned.day is not null as is_maintenance_due,
    planned.is_done as is_maintenance_done,
    planned.is_done_on_time as is_maintenance_done_on_time,
    maintained.first_date as maintained_date,
    -- when it was done last before anybody told is not known
    case
        when maintained.first_date is not null
            then scope.day - maintained.first_date > scope.maintenance_interval_days
        else nullif(scope.day - scope.observed_from_date > scope.maintenance_interval_days, false)
    end as is_maintenance_overdue,
    scope.is_statutory,
    case when inspections_due.settled_date <= scope.day then null else inspections_due.statutory_due_date end
        as statutory_due_date,
    scope.is_statutory
    and case
        when inspections_due.settled_date <= scope.day then false
        else inspections_due.statutory_due_date < scope.day
    end as is_statutory_overdue,
    coalesce(work.statutory_inspections, 0) as statutory_inspections,
    coalesce(work.statutory_inspections_passed, 0) as statutory_inspections_passed,
    round((scope.day - scope.installed_date) / 365.25, 2) as age_years,
    scope.service_life_years,
    scope.day >= scope.worn_out_date as is_past_service_life
from scope
left join states on scope.equipment_id = states.equipment_id and scope.day = states.day
left join work on scope.equipment_id = work.equipment_id and scope.day = work.day
left join planned on scope.equipment_id = planned.equipment_id and scope.day = planned.day
left join maintained
    on
        scope.equipment_id = maintained.equipment_id
        and scope.day >= maintained.first_date
        and scope.day < maintained.until_date
left join inspections_due
    on
        scope.equipment_id = inspections_due.equipment_id
        and scope.day >= inspections_due.first_date
        and scope.day < inspections_due.until_date
where
    coalesce(states.retired_minutes, 0) < {{ minutes_between('scope.begins_at', 'scope.ends_at') }}
