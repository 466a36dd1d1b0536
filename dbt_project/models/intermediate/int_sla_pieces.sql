{{ config(materialized='table', post_hook='analyze {{ this }}') }}

{%- set clocks = {'minute': 'calendar', 'position': 'service'} %}

with tickets as (
    select * from {{ ref('int_tickets__profiled') }}
    where delivers_events and opened_position is not null
),

measured as (
    select * from {{ ref('int_tickets__measured') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
),

spans as (
    select * from {{ ref('int_ticket_spans__promised') }}
),

promised as (
    select * from {{ source('standards', 'sla_target') }}
),

calendar as (
    select * from {{ ref('dim_calendar') }}
),

lived as (
    select
        tickets.source_id,
        tickets.source_ticket_id,
        tickets.project_id,
        tickets.service_item_id,
        tickets.time_zone,
        tickets.profile_number,
        tickets.status,
        tickets.opened_minute,
        tickets.opened_position,
        opening.ended_minute,
        opening.ended_position,
        {%- for part, clock in clocks.items() %}
        tickets.opened_{{ part }} + measured.acknowledge_{{ clock }}_minutes as acknowledged_{{ part }},
        tickets.opened_{{ part }} + measured.first_response_{{ clock }}_minutes as responded_{{ part }},
        tickets.opened_{{ part }} + measured.attend_{{ clock }}_minutes as attended_{{ part }},
        {%- endfor %}
        {{ minute_of('measured.called_back_at') }} as called_back_minute,
        {{ service_position('measured.called_back_at', 'calendar') }} as called_back_position
    from tickets
    inner join measured
        on tickets.source_id = measured.source_id and tickets.source_ticket_id = measured.source_ticket_id
    inner join events as opening
        on
            tickets.source_id = opening.source_id
            and tickets.source_ticket_id = opening.source_ticket_id
            and opening.event_number = 0
    left join calendar
        on {{ service_calendar_key('measured.called_back_at', 'tickets', 'profile_time_zone') }} = calendar.calendar_key
),

-- An owner waits for an answer from the first message that has none.
messages as (
    select
        source_id,
        source_ticket_id,
        row_number() over (partition by source_id, source_ticket_id order by answers_before) as occurrence,
        min(minute) filter (where is_owner_message) as started_minute,
        min(service_position) filter (where is_owner_message) as started_position,
        min(minute) filter (where is_answer) as done_minute,
        min(service_position) filter (where is_answer) as done_position
    from events
    where is_counted and (is_answer or is_owner_message)
    group by source_id, source_ticket_id, answers_before
    having bool_or(is_owner_message)
),

told as (
    select distinct
        source_id,
        source_ticket_id,
        minute,
        service_position
    from events
    where is_counted and (is_answer or event_number = 0)
),

updates as (
    select
        source_id,
        source_ticket_id,
        row_number() over of_ticket as occurrence,
        minute as started_minute,
        service_position as started_position,
        lead(minute) over of_ticket as done_minute,
        lead(service_position) over of_ticket as done_position
    from told
    window of_ticket as (partition by source_id, source_ticket_id order by minute)
),

begun as (
    select
        lived.source_id,
        lived.source_ticket_id,
        first_time.target,
        1 as occurrence,
        lived.opened_minute as started_minute,
        lived.opened_position as started_position,
        first_time.done_minute,
        first_time.done_position
    from lived
    cross join lateral (
        values
        (
            'acknowledge',
            {%- for part in clocks %}
            least(lived.acknowledged_{{ part }}, lived.responded_{{ part }}, lived.attended_{{ part }})
            {%- if not loop.last %},{% endif %}
            {%- endfor %}
        ),
        ('respond', lived.responded_minute, lived.responded_position),
        ('attend', lived.attended_minute, lived.attended_position),
        (
            'complete',
            case when lived.status = 'closed' then lived.ended_minute end,
            case when lived.status = 'closed' then lived.ended_position end
        )
    ) as first_time (target, done_minute, done_position)
    union all
    select
        source_id,
        source_ticket_id,
        'next_reply' as target,
        occurrence,
        started_minute,
        started_position,
        done_minute,
        done_position
    from messages
    union all
    select
        source_id,
        source_ticket_id,
        'update' as target,
        occurrence,
        started_minute,
        started_position,
        done_minute,
        done_position
    from updates
),

-- What is not done when the ticket ends, ends with it; a call back only begins then.
bounded as (
    select
        begun.source_id,
        begun.source_ticket_id,
        lived.project_id,
        lived.service_item_id,
        lived.time_zone,
        lived.profile_number,
        begun.target,
        begun.occurrence,
        begun.started_minute,
        begun.started_position,
        begun.done_minute is not null
        and begun.done_minute <= coalesce(lived.ended_minute, begun.done_minute) as is_done,
        least(begun.done_minute, lived.ended_minute) as ended_minute,
        least(begun.done_position, lived.ended_position) as ended_position
    from begun
    inner join lived
        on begun.source_id = lived.source_id and begun.source_ticket_id = lived.source_ticket_id
    where begun.target <> 'update' or begun.done_minute is not null
        or begun.started_minute < coalesce(lived.ended_minute, begun.started_minute + 1)
    union all
    select
        source_id,
        source_ticket_id,
        project_id,
        service_item_id,
        time_zone,
        profile_number,
        'call_back' as target,
        1 as occurrence,
        ended_minute as started_minute,
        ended_position as started_position,
        called_back_minute is not null as is_done,
        called_back_minute as ended_minute,
        called_back_position as ended_position
    from lived
    where status = 'closed' and ended_minute is not null
),

-- The stays of a ticket while a target runs; of one that begins in the minute in which a target ends, that minute.
pieces as (
    select
        bounded.source_id,
        bounded.source_ticket_id,
        bounded.project_id,
        bounded.service_item_id,
        bounded.time_zone,
        bounded.profile_number,
        bounded.target,
        bounded.occurrence,
        bounded.started_minute,
        bounded.ended_minute,
        bounded.is_done,
        spans.span_number,
        spans.department_id,
        spans.standards_release,
        spans.policy,
        promised.minutes as target_minutes,
        promised.clock,
        bounded.target <> 'call_back'
        and (spans.status in ('closed', 'cancelled') or spans.status = any(coalesce(promised.paused_in, '{}')))
            as is_resting,
        greatest(spans.started_minute, bounded.started_minute) as from_minute,
        case
            when spans.started_minute > bounded.started_minute then spans.started_position
            else bounded.started_position
        end as from_position,
        case when spans.is_last then bounded.ended_minute else least(spans.ended_minute, bounded.ended_minute) end
            as until_minute,
        case
            when spans.is_last then bounded.ended_position
            else least(spans.ended_position, bounded.ended_position)
        end as until_position
    from bounded
    inner join spans
        on
            bounded.source_id = spans.source_id
            and bounded.source_ticket_id = spans.source_ticket_id
            and (
                spans.is_last
                or (bounded.target <> 'call_back' and bounded.started_minute < spans.ended_minute)
            )
            and (
                bounded.target = 'call_back'
                or coalesce(bounded.ended_minute >= spans.started_minute, true)
            )
    left join promised
        on
            spans.standards_release = promised.standards_release
            and spans.policy = promised.policy
            and bounded.target = promised.target
),

counted as (
    select
        *,
        case
            when target_minutes is null or is_resting then 0
            when clock = 'calendar' then until_minute - from_minute
            else until_position - from_position
        end as minutes
    from pieces
),

-- The policy at the end of a target is that of its last piece.
running as (
    select
        *,
        coalesce(sum(minutes) over earlier, 0)::integer as used_before,
        bool_or(target_minutes is not null) over of_target as is_promised,
        span_number = max(span_number) over of_target as is_final,
        last_value(target_minutes) over whole as final_minutes
    from counted
    window
        of_target as (partition by source_id, source_ticket_id, target, occurrence),
        earlier as (
            partition by source_id, source_ticket_id, target, occurrence order by span_number
            rows between unbounded preceding and 1 preceding
        ),
        whole as (
            partition by source_id, source_ticket_id, target, occurrence order by span_number
            rows between unbounded preceding and unbounded following
        )
)

select
    source_id,
    source_ticket_id,
    target,
    occurrence::integer as occurrence,
    project_id,
    service_item_id,
    time_zone,
    profile_number,
    span_number,
    department_id,
    standards_release,
    policy,
    target_minutes,
    clock,
    is_resting,
    is_done,
    started_minute,
    ended_minute,
    from_minute,
    from_position,
    until_minute,
    minutes,
    used_before,
    final_minutes,
    is_final
from running
where is_promised
