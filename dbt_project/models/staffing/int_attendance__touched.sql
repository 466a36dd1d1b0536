{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['person_id', 'day'], 'unique': true}, {'columns': ['day']}],
        post_hook='analyze {{ this }}',
    )
}}

with delivered as (
    select * from {{ ref('int_duty_records__delivered') }}
),

touched_records as (
    select * from {{ ref('int_duty_records__touched') }}
),

-- Not materialised, both: what is asked of history is asked by key.
records_before as not materialized (
    {{ rows_before('intermediate', 'int_duty_records', {
        'record_kind': 'text', 'source_id': 'text', 'source_record_id': 'text', 'source_roster_id': 'text',
        'person_id': 'text', 'day': 'date',
    }) }}
),

attendance_before as not materialized (
    {{ rows_before('marts', 'fct_attendance', attendance_before()) }}
),

horizons as (
    select * from {{ ref('int_attendance__horizons') }}
),

builds as (
    select * from {{ source('ops', 'build') }}
),

standards as (
    select * from {{ source('standards', 'standards_release') }}
),

labour_days as (
    select * from {{ source('ops', 'labour_day') }}
),

audited as (
    select coalesce(max(builds.started_at) filter (where builds.status = 'audited'), '-infinity') as started_at
    from builds
),

-- What the touched records say now, and what they said before.
told as (
    select
        record_kind,
        source_id,
        source_roster_id,
        person_id,
        day
    from delivered
    union
    select
        records_before.record_kind,
        records_before.source_id,
        records_before.source_roster_id,
        records_before.person_id,
        records_before.day
    from records_before
    inner join touched_records
        on
            records_before.record_kind = touched_records.record_kind
            and records_before.source_id = touched_records.source_id
            and records_before.source_record_id = touched_records.source_record_id
),

entries as (
    select distinct
        source_id,
        source_roster_id
    from told
    where source_roster_id is not null
),

-- Days of rules that were read since the last audited build.
ruled_anew as (
    select
        in_force.effective_from as first_date,
        in_force.effective_until - 1 as last_date
    from {{ ref('int_standards__in_force') }} as in_force
    inner join standards on in_force.standards_release = standards.standards_release
    cross join audited
    where standards.loaded_at > audited.started_at
    union all
    select
        labour_days.day as first_date,
        labour_days.day as last_date
    from labour_days
    cross join audited
    where labour_days.changed_at > audited.started_at
),

touched as (
    select
        person_id,
        day
    from told
    union
    -- the entry that they answer or answered, and everybody who answers it
    select
        delivered.person_id,
        delivered.day
    from delivered
    inner join entries
        on delivered.source_id = entries.source_id and delivered.source_roster_id = entries.source_roster_id
    union
    select
        records_before.person_id,
        records_before.day
    from records_before
    inner join entries
        on records_before.source_id = entries.source_id and records_before.source_roster_id = entries.source_roster_id
    union
    -- what was not known yet
    select
        attendance_before.rostered_person_id as person_id,
        attendance_before.shift_date as day
    from attendance_before
    inner join horizons on attendance_before.source_id = horizons.source_id
    where attendance_before.status = 'open' and attendance_before.ends_date <= horizons.horizon_date
    union
    select
        attendance_before.rostered_person_id as person_id,
        attendance_before.shift_date as day
    from attendance_before
    inner join ruled_anew
        on attendance_before.shift_date between ruled_anew.first_date and ruled_anew.last_date
    {{- left_over(['person_id', 'day']) }}
)

select
    {{ var('build_id') }} as build_id,
    person_id,
    day
from touched
