{{ config(materialized='table', post_hook='analyze {{ this }}') }}

{%- set state = ['department_id', 'status', 'approval_level', 'priority', 'service_item_id'] %}

with events as (
    select * from {{ ref('int_ticket_events') }}
),

tickets as (
    select * from {{ ref('int_tickets__profiled') }}
),

counted as (
    select
        *,
        count(*) filter (where event_kind = 'returned') over of_ticket as returns_so_far,
        lead(minute) over of_ticket as next_minute
    from events
    where minute < ended_minute or ended_minute is null
    window of_ticket as (partition by source_id, source_ticket_id order by event_number)
),

-- The last event of a minute says how the minute ends; what began and ended in it was no stay.
minutes_apart as (
    select
        *,
        returns_so_far > coalesce(lag(returns_so_far) over of_ticket, 0) as is_returned,
        row_number() over of_ticket = 1 as is_first,
        {%- for column in state %}
        lag({{ column }}) over of_ticket as {{ column }}_before{% if not loop.last %},{% endif %}
        {%- endfor %}
    from counted
    where next_minute is distinct from minute
    window of_ticket as (partition by source_id, source_ticket_id order by event_number)
),

stays as (
    select
        *,
        row_number() over of_ticket as span_number,
        (not is_first and department_id is distinct from department_id_before) as is_handed_over,
        lead(minute) over of_ticket as next_minute_of_stay,
        lead(service_position) over of_ticket as next_position
    from minutes_apart
    where
        is_first
        {%- for column in state %}
        or {{ column }} is distinct from {{ column }}_before
        {%- endfor %}
    window of_ticket as (partition by source_id, source_ticket_id order by event_number)
),

-- From whom the department that now gives the ticket away had got it.
handed as (
    select
        *,
        substr(max(
            case
                when is_handed_over
                    then lpad(span_number::text, 6, '0') || coalesce('=' || department_id_before, '') collate "C"
            end
        ) over (
            partition by source_id, source_ticket_id order by span_number
            rows between unbounded preceding and 1 preceding
        ), 7) as got_from
    from stays
),

timed as (
    select
        *,
        coalesce(next_minute_of_stay, ended_minute) as until_minute,
        coalesce(next_position, case when next_minute_of_stay is null then ended_position end) as until_position
    from handed
)

select
    timed.source_id,
    timed.source_ticket_id,
    timed.span_number::integer as span_number,
    tickets.project_id,
    timed.service_item_id,
    timed.priority,
    timed.department_id,
    timed.status,
    timed.approval_level,
    timed.minute as started_minute,
    timed.service_position as started_position,
    {{ moment_of('timed.minute') }} as started_at,
    ({{ moment_of('timed.minute') }} at time zone tickets.time_zone)::date as started_date,
    timed.until_minute as ended_minute,
    timed.until_position as ended_position,
    {{ moment_of('timed.until_minute') }} as ended_at,
    ({{ moment_of('timed.until_minute') }} at time zone tickets.time_zone)::date as ended_date,
    timed.until_minute - timed.minute as calendar_minutes,
    timed.until_position - timed.service_position as service_minutes,
    {{ waits_for('timed.status') }} as waits_for,
    case
        when timed.is_first then 'opened'
        when timed.is_handed_over
            then case
                when timed.is_returned or coalesce('=' || timed.department_id, '') = timed.got_from then 'returned'
                else 'handed_over'
            end
        when timed.status_before in ('closed', 'cancelled') and timed.status not in ('closed', 'cancelled')
            then 'reopened'
        when
            timed.status <> timed.status_before
            or (timed.approval_level is distinct from timed.approval_level_before)
            then 'status_changed'
        when (timed.priority is distinct from timed.priority_before) then 'priority_changed'
        else 'item_changed'
    end as entered_how,
    timed.next_minute_of_stay is null as is_last
from timed
inner join tickets
    on timed.source_id = tickets.source_id and timed.source_ticket_id = tickets.source_ticket_id
