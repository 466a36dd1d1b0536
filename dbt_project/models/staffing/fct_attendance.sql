{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(rostered_person_id, shift_date) in (
                select touched.person_id, touched.day from {{ ref('int_attendance__touched') }} as touched
            )"
        ],
        indexes=[
            {'columns': ['attendance_id'], 'unique': true},
            {'columns': ['rostered_person_id', 'shift_date']},
            {'columns': ['person_id', 'shift_date']},
            {'columns': ['shift_date']},
            {'columns': ['status', 'ends_date']},
        ],
        meta={'days': ['shift_date']},
        post_hook=note_days_when_new(),
    )
}}

with touched as (
    select * from {{ ref('int_attendance__touched') }}
),

-- Not materialised, all three: what is asked of history is asked by key.
records as not materialized (
    select * from {{ ref('int_duty_records') }}
),

rosters as not materialized (
    select * from {{ ref('stg_delivered__rosters') }}
),

attendances as not materialized (
    select * from {{ ref('stg_delivered__attendances') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

horizons as (
    select * from {{ ref('int_attendance__horizons') }}
),

labour_days as (
    select * from {{ source('ops', 'labour_day') }}
),

in_force as (
    select * from {{ ref('int_standards__in_force') }}
),

touched_records as materialized (
    select records.*
    from records
    inner join touched on records.person_id = touched.person_id and records.day = touched.day
),

entries as materialized (
    select
        'roster:' || rosters.source_id || ':' || rosters.source_roster_id as attendance_id,
        rosters.*,
        coalesce(rosters.status = 'cancelled', false) as is_cancelled
    from touched_records
    inner join rosters
        on
            touched_records.source_id = rosters.source_id
            and touched_records.source_record_id = rosters.source_roster_id
    where touched_records.record_kind = 'roster'
),

-- Entries of touched days, and those of other days that records of touched days name.
known_entries as (
    select
        named.source_id,
        named.source_roster_id,
        records.person_id,
        records.day
    from (
        select distinct
            source_id,
            source_roster_id
        from touched_records
        where source_roster_id is not null
    ) as named
    inner join records
        on
            named.source_id = records.source_id
            and named.source_roster_id = records.source_roster_id
            and records.record_kind = 'roster'
),

-- Who answers each of them: the rostered person before anybody else.
claims as (
    select
        records.source_id,
        records.source_record_id as source_attendance_id,
        records.source_roster_id,
        records.person_id,
        records.day,
        records.person_id = first_value(records.person_id) over (
            partition by records.source_id, records.source_roster_id
            order by records.person_id <> known_entries.person_id, records.person_id collate "C"
        ) as is_answer
    from known_entries
    inner join records
        on
            known_entries.source_id = records.source_id
            and known_entries.source_roster_id = records.source_roster_id
            and records.record_kind = 'attendance'
),

answers_named as (
    select
        entries.attendance_id,
        claims.source_id,
        claims.source_attendance_id
    from claims
    inner join entries
        on claims.source_id = entries.source_id and claims.source_roster_id = entries.source_roster_id
    where claims.is_answer
),

-- Records of touched days that answer no entry by name.
loose as (
    select
        attendances.*,
        known_entries.person_id is not null as is_of_others,
        attendances.clock_in_at is not null or attendances.clock_out_at is not null as is_punched
    from touched_records
    inner join attendances
        on
            touched_records.source_id = attendances.source_id
            and touched_records.source_record_id = attendances.source_attendance_id
    left join known_entries
        on
            touched_records.source_id = known_entries.source_id
            and touched_records.source_roster_id = known_entries.source_roster_id
    left join claims
        on
            touched_records.source_id = claims.source_id
            and touched_records.source_record_id = claims.source_attendance_id
    where touched_records.record_kind = 'attendance' and claims.is_answer is not true
),

unanswered as (
    select
        entries.person_id,
        entries.shift_date,
        count(*) as entries,
        min(entries.attendance_id) as attendance_id
    from entries
    left join answers_named on entries.attendance_id = answers_named.attendance_id
    where answers_named.attendance_id is null and not entries.is_cancelled and entries.shift_kind <> 'rest'
    group by entries.person_id, entries.shift_date
),

-- Days with records that name no entry, and the one entry they answer, when it is clear which.
unnamed as (
    select
        loose.person_id,
        loose.work_date,
        unanswered.entries is not null as is_answer_possible,
        case
            when unanswered.entries = 1 and count(*) filter (where loose.is_punched) <= 1
                then min(unanswered.attendance_id)
        end as attendance_id
    from loose
    left join unanswered on loose.person_id = unanswered.person_id and loose.work_date = unanswered.shift_date
    where not loose.is_of_others
    group by loose.person_id, loose.work_date, unanswered.entries
),

answers as (
    select
        answers_named.attendance_id,
        attendances.*
    from answers_named
    inner join attendances
        on
            answers_named.source_id = attendances.source_id
            and answers_named.source_attendance_id = attendances.source_attendance_id
    union all
    select
        coalesce(
            unnamed.attendance_id, 'attendance:' || loose.source_id || ':' || loose.source_attendance_id
        ) as attendance_id,
        attendances.*
    from loose
    inner join attendances
        on loose.source_id = attendances.source_id and loose.source_attendance_id = attendances.source_attendance_id
    left join unnamed
        on loose.person_id = unnamed.person_id and loose.work_date = unnamed.work_date and not loose.is_of_others
),

recorded as (
    select
        attendance_id,
        min(person_id collate "C") as person_id,
        min(source_id collate "C") as source_id,
        min(work_date) as work_date,
        (array_agg(project_id order by is_punched desc, record_key asc) filter (where project_id is not null))[1]
            as project_id,
        (array_agg(post_id order by is_punched desc, record_key asc) filter (where post_id is not null))[1] as post_id,
        min(clock_in_at) as clock_in_at,
        (array_agg(clock_in_source order by clock_in_at, record_key) filter (where clock_in_at is not null))[1]
            as clock_in_source,
        max(clock_out_at) as clock_out_at,
        (
            array_agg(clock_out_source order by clock_out_at desc, record_key asc)
            filter (where clock_out_at is not null)
        )[1] as clock_out_source,
        coalesce(bool_or(leave_kind is not null or leave_minutes > 0), false) as is_leave,
        (array_agg(leave_kind order by record_key) filter (where leave_kind is not null))[1] as leave_kind,
        sum(leave_minutes)::integer as leave_minutes,
        (array_agg(overtime_kind order by record_key) filter (where overtime_kind is not null))[1] as overtime_kind,
        sum(overtime_minutes)::integer as overtime_minutes,
        {%- for kind in overtime_kinds() %}
        coalesce(sum(overtime_minutes) filter (where overtime_kind = '{{ kind }}'), 0)::integer
            as overtime_{{ kind }}_minutes,
        {%- endfor %}
        coalesce(sum(overtime_minutes) filter (where overtime_kind is null), 0)::integer as overtime_other_minutes,
        max(delivery_id) as delivery_id
    from (
        select
            *,
            clock_in_at is not null or clock_out_at is not null as is_punched,
            (source_id || ':' || source_attendance_id) collate "C" as record_key
        from answers
    ) as keyed
    group by attendance_id
),

joined as (
    select
        coalesce(entries.attendance_id, recorded.attendance_id) as attendance_id,
        coalesce(entries.source_id, recorded.source_id) as source_id,
        entries.source_roster_id,
        entries.source_roster_id is not null as is_planned,
        coalesce(recorded.person_id, entries.person_id) as person_id,
        coalesce(entries.person_id, recorded.person_id) as rostered_person_id,
        coalesce(recorded.project_id, entries.project_id) as project_id,
        coalesce(recorded.post_id, entries.post_id) as post_id,
        coalesce(entries.shift_date, recorded.work_date) as shift_date,
        entries.shift_kind,
        entries.shift_code,
        coalesce(entries.is_cancelled, false) as is_cancelled,
        entries.starts_at,
        entries.ends_at,
        coalesce(entries.break_minutes, 0) as break_minutes,
        entries.swapped_with_person_id is not null
        or coalesce(recorded.person_id <> entries.person_id, false) as is_swapped,
        entries.leave_kind as planned_leave_kind,
        entries.overtime_kind as planned_overtime_kind,
        recorded.clock_in_at,
        recorded.clock_in_source,
        recorded.clock_out_at,
        recorded.clock_out_source,
        coalesce(recorded.is_leave, false) as is_leave,
        recorded.leave_kind,
        recorded.leave_minutes,
        recorded.overtime_kind,
        recorded.overtime_minutes,
        {%- for kind in overtime_kinds() %}
        recorded.overtime_{{ kind }}_minutes,
        {%- endfor %}
        recorded.overtime_other_minutes,
        coalesce(
            unnamed.is_answer_possible and unnamed.attendance_id is null and recorded.attendance_id is null, false
        ) as is_unclear,
        greatest(entries.delivery_id, recorded.delivery_id) as delivery_id
    from entries
    full outer join recorded on entries.attendance_id = recorded.attendance_id
    left join unnamed on entries.person_id = unnamed.person_id and entries.shift_date = unnamed.work_date
),

ruled as (
    select
        joined.*,
        labour_days.day_kind,
        coalesce((in_force.staffing ->> 'late_grace_minutes')::integer, 0) as late_grace_minutes,
        coalesce((in_force.staffing ->> 'early_grace_minutes')::integer, 0) as early_grace_minutes,
        greatest(
            joined.shift_date, ((joined.ends_at - interval '1 minute') at time zone sources.time_zone)::date
        ) as ends_date,
        {{ minutes_between('joined.starts_at', 'joined.ends_at') }} - joined.break_minutes as span_minutes,
        horizons.horizon_date
    from joined
    inner join sources on joined.source_id = sources.source_id
    left join horizons on joined.source_id = horizons.source_id
    left join labour_days on joined.shift_date = labour_days.day
    left join in_force
        on joined.shift_date >= in_force.effective_from and joined.shift_date < in_force.effective_until
),

stated as (
    select
        *,
        case
            when clock_in_at <= clock_out_at then 'present'
            when clock_out_at < clock_in_at then 'contradictory'
            when clock_out_at is not null then 'missing_in'
            when clock_in_at is not null and (not is_planned or ends_date <= horizon_date) then 'missing_out'
            when clock_in_at is not null then 'open'
            when is_leave then 'leave'
            when not is_planned then 'unclear'
            when is_cancelled then 'cancelled'
            when shift_kind in ('leave', 'rest', 'standby') then shift_kind
            when ends_date <= horizon_date and is_unclear then 'unclear'
            when ends_date <= horizon_date then 'absent'
            else 'open'
        end as status,
        case when shift_kind in ('work', 'training') and not is_cancelled then starts_at end as held_from,
        case when shift_kind in ('work', 'training') and not is_cancelled then ends_at end as held_until
    from ruled
),

measured as (
    select
        *,
        case
            when status in ('present', 'missing_out', 'open')
                then {{ minutes_between('held_from', 'clock_in_at') }}
        end as behind_minutes,
        case
            when status in ('present', 'missing_in') then {{ minutes_between('clock_out_at', 'held_until') }}
        end as ahead_minutes,
        case
            when status = 'present'
                then greatest({{ minutes_between('clock_in_at', 'clock_out_at') }} - break_minutes, 0)
        end as worked_minutes,
        case
            when status = 'present'
                then greatest({{ minutes_between(
                    'greatest(clock_in_at, starts_at)', 'least(clock_out_at, ends_at)'
                ) }} - break_minutes, 0)
        end as worked_as_planned_minutes,
        coalesce(overtime_kind, planned_overtime_kind) as told_overtime_kind
    from stated
),

excused as (
    select
        *,
        behind_minutes - coalesce(leave_minutes, 0) as late_left_minutes,
        ahead_minutes
        - greatest(coalesce(leave_minutes, 0) - greatest(coalesce(behind_minutes, 0), 0), 0) as early_left_minutes,
        case
            when overtime_minutes is not null then overtime_minutes
            when status = 'open' then null
            when told_overtime_kind is null then 0
            when status = 'present' then worked_as_planned_minutes
            when status not in ('missing_in', 'missing_out', 'contradictory', 'unclear') then 0
        end as all_overtime_minutes
    from measured
)

select
    attendance_id,
    source_id,
    source_roster_id,
    is_planned,
    person_id,
    rostered_person_id,
    project_id,
    post_id,
    shift_date,
    ends_date,
    day_kind,
    shift_kind,
    shift_code,
    starts_at,
    ends_at,
    case when shift_kind in ('work', 'training', 'standby') and not is_cancelled then span_minutes end
        as planned_minutes,
    status,
    case
        when clock_in_at is not null or clock_out_at is not null then true
        when status not in ('open', 'unclear') then false
    end as is_on_duty,
    is_swapped,
    clock_in_at,
    clock_in_source,
    clock_out_at,
    clock_out_source,
    worked_minutes,
    late_left_minutes > late_grace_minutes as is_late,
    case
        when late_left_minutes > late_grace_minutes then late_left_minutes
        when late_left_minutes is not null then 0
    end as late_minutes,
    early_left_minutes > early_grace_minutes as is_early,
    case
        when early_left_minutes > early_grace_minutes then early_left_minutes
        when early_left_minutes is not null then 0
    end as early_minutes,
    case when is_leave or status = 'leave' then coalesce(leave_kind, planned_leave_kind) end as leave_kind,
    coalesce(leave_minutes, case when status = 'leave' then span_minutes else 0 end) as leave_minutes,
    all_overtime_minutes as overtime_minutes,
    {%- for kind in overtime_kinds() %}
    case
        when overtime_minutes is not null
            then
                overtime_{{ kind }}_minutes
                + case
                    when coalesce(planned_overtime_kind, day_kind) = '{{ kind }}' then overtime_other_minutes
                    else 0
                end
        when coalesce(told_overtime_kind, day_kind) = '{{ kind }}' then all_overtime_minutes
        when all_overtime_minutes is not null then 0
    end as overtime_{{ kind }}_minutes,
    {%- endfor %}
    delivery_id
from excused
