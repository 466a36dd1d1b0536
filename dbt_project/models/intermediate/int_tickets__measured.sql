{{
    config(
        materialized='table',
        indexes=[{'columns': ['source_id', 'source_ticket_id'], 'unique': true}],
        pre_hook='set local enable_nestloop = off',
        post_hook='analyze {{ this }}',
    )
}}

{%- set clocks = {'calendar': 'minute', 'service': 'position'} %}
{%- set stays = {
    'work': "status = 'in_progress'",
    'owner_waiting': "waits_for = 'owner'",
    'internal_waiting': "waits_for = 'inside'",
    'outside_waiting': "waits_for = 'outside'",
    'resting': "status in ('closed', 'cancelled')",
    'approval_waiting': "status = 'waiting_approval'",
} %}
{#- Where the source says when itself, its word counts; else the first such event. -#}
{%- set firsts = {
    'acknowledged': "event_kind in ('acknowledged', 'accepted')",
    'first_response': "is_answer",
    'attended': "event_kind = 'attended'",
    'assigned': "event_kind in ('assigned', 'accepted')",
    'resolved': "status_effect in ('done', 'closed')",
} %}

-- Everything here is of touched tickets only, and joined by hash: how few rows a step leaves is not foreseen.
with tickets as (
    select * from {{ ref('int_tickets__profiled') }}
),

events as (
    select * from {{ ref('int_ticket_events') }}
),

spans as (
    select * from {{ ref('int_ticket_spans') }}
),

call_backs as (
    select * from {{ ref('int_ticket_call_backs') }}
),

marks as (
    select
        *,
        -- the end is a mark itself
        coalesce(
            lead(minute) over (partition by source_id, source_ticket_id order by event_number), ended_minute
        ) as next_minute
    from events
    where is_counted
),

by_events as (
    select
        source_id,
        source_ticket_id,
        {%- for name, condition in firsts.items() %}
        min(minute) filter (where {{ condition }}) as {{ name }}_minute,
        min(service_position) filter (where {{ condition }}) as {{ name }}_position,
        {%- endfor %}
        count(*) filter (where is_touch) as touches,
        count(*) filter (where is_answer) as answers,
        count(*) filter (where is_owner_message) as owner_messages,
        count(*) filter (where event_kind = 'assigned') as assignments,
        count(*) filter (
            where
            event_kind = 'reopened'
            or (former_status in ('closed', 'cancelled') and status_effect not in ('closed', 'cancelled'))
        ) as reopenings,
        coalesce(bool_or(event_kind = 'approval_requested'), false) as is_approval_requested,
        max(array[next_minute - minute, -minute]) filter (where next_minute is not null) as longest_silence,
        greatest(max(minute), max(ended_minute)) as last_minute
    from marks
    group by source_id, source_ticket_id
),

-- With whom a ticket lay while nothing was heard of it.
silent as (
    select distinct on (marks.source_id, marks.source_ticket_id)
        marks.source_id,
        marks.source_ticket_id,
        marks.department_id as silence_department_id
    from marks
    inner join by_events
        on
            marks.source_id = by_events.source_id
            and marks.source_ticket_id = by_events.source_ticket_id
            and marks.minute = -by_events.longest_silence[2]
    order by marks.source_id asc, marks.source_ticket_id asc, marks.event_number desc
),

involved as (
    select
        marks.source_id,
        marks.source_ticket_id,
        count(distinct person.person_id) as people_involved
    from marks
    cross join lateral (values (marks.actor_person_id), (marks.to_person_id)) as person (person_id)
    where person.person_id is not null
    group by marks.source_id, marks.source_ticket_id
),

-- An owner waits for an answer from the first message that has none.
asked as (
    select
        source_id,
        source_ticket_id,
        min(minute) filter (where is_owner_message) as asked_minute,
        min(service_position) filter (where is_owner_message) as asked_position,
        coalesce(min(minute) filter (where is_answer), max(ended_minute)) as answered_minute,
        coalesce(
            min(service_position) filter (where is_answer),
            case when count(*) filter (where is_answer) = 0 then max(ended_position) end
        ) as answered_position
    from marks
    where is_answer or is_owner_message
    group by source_id, source_ticket_id, answers_before
),

by_messages as (
    select
        source_id,
        source_ticket_id,
        sum(answered_minute - asked_minute) as reply_waiting_calendar_minutes,
        sum(answered_position - asked_position) as reply_waiting_service_minutes,
        bool_or(asked_position is null and asked_minute is not null) as is_without_hours
    from asked
    where asked_minute is not null
    group by source_id, source_ticket_id
),

by_spans as (
    select
        source_id,
        source_ticket_id,
        {%- for name, condition in stays.items() %}
        coalesce(sum(calendar_minutes) filter (where {{ condition }}), 0) as {{ name }}_calendar_minutes,
        coalesce(sum(service_minutes) filter (where {{ condition }}), 0) as {{ name }}_service_minutes,
        {%- endfor %}
        count(*) filter (where entered_how in ('handed_over', 'returned')) as handovers,
        count(*) filter (where entered_how = 'returned') as returns,
        count(distinct department_id) as departments_involved
    from spans
    group by source_id, source_ticket_id
),

by_level as (
    select
        source_id,
        source_ticket_id,
        jsonb_object_agg(approval_level, calendar_minutes) as approval_waiting_by_level
    from (
        select
            source_id,
            source_ticket_id,
            coalesce(approval_level, '') as approval_level,
            sum(calendar_minutes) as calendar_minutes
        from spans
        where status = 'waiting_approval' and calendar_minutes is not null
        group by source_id, source_ticket_id, coalesce(approval_level, '')
    ) as levels
    group by source_id, source_ticket_id
),

ended as (
    select
        tickets.source_id,
        tickets.source_ticket_id,
        coalesce(tickets.ended_minute, events.ended_minute, tickets.opened_minute) as ended_minute
    from tickets
    left join events
        on
            tickets.source_id = events.source_id
            and tickets.source_ticket_id = events.source_ticket_id
            and events.event_number = 0
    where tickets.is_ended
),

-- After the end: the owner was reached, or the source says so in an event of its own.
called as (
    select
        ended.source_id,
        ended.source_ticket_id,
        min(call_backs.called_at) filter (where call_backs.result = 'reached') as called_back_at
    from ended
    inner join call_backs
        on ended.source_id = call_backs.source_id and ended.source_ticket_id = call_backs.source_ticket_id
    where call_backs.minute >= ended.ended_minute
    group by ended.source_id, ended.source_ticket_id
),

called_by_event as (
    select
        source_id,
        source_ticket_id,
        min(occurred_at) as called_back_at
    from events
    where event_kind = 'called_back' and {{ minute_of('occurred_at') }} >= ended_minute
    group by source_id, source_ticket_id
),

rated as (
    select distinct on (source_id, source_ticket_id)
        source_id,
        source_ticket_id,
        rating
    from call_backs
    where rating is not null
    order by
        source_id asc,
        source_ticket_id asc,
        called_at desc,
        length(source_call_back_id) desc,
        source_call_back_id desc
),

joined as (
    select
        tickets.*,
        {%- for name in ['acknowledged', 'first_response', 'attended'] %}
        {%- for part in clocks.values() %}
        case
            when tickets.{{ name }}_minute is not null then tickets.{{ name }}_{{ part }}
            else by_events.{{ name }}_{{ part }}
        end as found_{{ name }}_{{ part }},
        {%- endfor %}
        {%- endfor %}
        {%- for part in clocks.values() %}
        by_events.assigned_{{ part }} as found_assigned_{{ part }},
        case
            when by_events.resolved_minute is not null -- noqa: ST02
                then by_events.resolved_{{ part }}
            else least(tickets.work_done_{{ part }}, tickets.closed_{{ part }})
        end as found_resolved_{{ part }},
        {%- endfor %}
        {%- for name in ['touches', 'answers', 'owner_messages', 'assignments', 'reopenings'] %}
        by_events.{{ name }},
        {%- endfor %}
        by_events.longest_silence,
        by_events.last_minute,
        silent.silence_department_id,
        by_events.is_approval_requested,
        case when tickets.delivers_events then coalesce(involved.people_involved, 0) end as people_involved,
        {%- for clock in clocks %}
        {%- for name in stays %}
        case
            when tickets.delivers_events{% if clock == 'service' %} and tickets.opened_position is not null{% endif %}
                then coalesce(by_spans.{{ name }}_{{ clock }}_minutes, 0)
        end as {{ name }}_{{ clock }}_minutes,
        {%- endfor %}
        {%- endfor %}
        {%- for name in ['handovers', 'returns', 'departments_involved'] %}
        case when tickets.delivers_events then coalesce(by_spans.{{ name }}, 0) end as {{ name }},
        {%- endfor %}
        case when tickets.delivers_events then coalesce(by_messages.reply_waiting_calendar_minutes, 0) end
            as reply_waiting_calendar_minutes,
        case
            when tickets.delivers_events and tickets.opened_position is not null
                then coalesce(by_messages.reply_waiting_service_minutes, 0)
        end as reply_waiting_service_minutes,
        case when tickets.delivers_events then coalesce(by_level.approval_waiting_by_level, '{}') end
            as approval_waiting_by_level,
        coalesce(called.called_back_at, called_by_event.called_back_at) as called_back_at,
        coalesce(tickets.rating, rated.rating) as told_rating
    from tickets
    {%- for relation in [
        'by_events', 'silent', 'involved', 'by_messages', 'by_spans', 'by_level', 'called', 'called_by_event', 'rated'
    ] %}
    left join {{ relation }}
        on tickets.source_id = {{ relation }}.source_id and tickets.source_ticket_id = {{ relation }}.source_ticket_id
    {%- endfor %}
)

select
    source_id,
    source_ticket_id,
    project_id,
    service_item_id,
    department_id,
    team_id,
    channel,
    priority,
    status,
    is_emergency,
    opened_at,
    opened_date,
    due_at,
    due_date,
    first_response_at,
    closed_at,
    closed_date,
    closed_at <= due_at as is_on_time,
    is_closed_before_opened,
    reopened_count,
    case when not is_closed_before_opened then closed_minute - opened_minute end as close_calendar_minutes,
    case when not is_closed_before_opened then closed_position - opened_position end as close_service_minutes,
    {%- for name, moment in {
        'acknowledge': 'acknowledged', 'first_response': 'first_response', 'attend': 'attended',
        'assign': 'assigned', 'first_resolution': 'resolved',
    }.items() %}
    {%- for clock, part in clocks.items() %}
    case
        when found_{{ moment }}_minute >= opened_minute then found_{{ moment }}_{{ part }} - opened_{{ part }}
    end as {{ name }}_{{ clock }}_minutes,
    {%- endfor %}
    {%- endfor %}
    {%- for name in measures_of_stays() + ['reply_waiting'] %}
    {%- for clock in clocks %}
    {{ name }}_{{ clock }}_minutes::integer as {{ name }}_{{ clock }}_minutes,
    {%- endfor %}
    {%- endfor %}
    approval_waiting_by_level,
    {%- for name in [
        'touches', 'answers', 'owner_messages', 'assignments', 'people_involved', 'reopenings', 'handovers', 'returns',
        'departments_involved',
    ] %}
    {{ name }}::integer as {{ name }},
    {%- endfor %}
    case
        when status = 'closed' and delivers_events
            then reopenings = 0 and coalesce(reopened_count, 0) = 0 and handovers = 0 and answers <= 1
    end as is_first_contact_resolved,
    coalesce(
        is_within_authority,
        case when status = 'closed' and delivers_events then handovers = 0 and not is_approval_requested end
    ) as is_within_authority,
    case when status = 'closed' then called_back_at end as called_back_at,
    case
        when status = 'closed' and (delivers_events or delivers_call_backs) then called_back_at is not null
    end as is_called_back,
    told_rating as rating,
    longest_silence[1] as longest_silence_calendar_minutes,
    {{ moment_of('-longest_silence[2]') }} as silence_began_at,
    silence_department_id,
    {{ moment_of('last_minute') }} as last_mark_at,
    delivery_id,
    row_number
from joined
