-- Ours: each event's moment gets its position by one equi-join with its day; what lies between two is a subtraction.
-- Rendered with the macros of the dbt project.
create unlogged table bench.{{ target }} as
with keyed as (
    select
        event.ticket_id,
        event.number,
        event.event_kind,
        event.status,
        event.occurred_at,
        {{ service_calendar_key('event.occurred_at', 'profiles') }} as calendar_key
    from bench.ticket as ticket
    {{ join_service_profiles('ticket', 'profiles', build='1') }}
    inner join bench.event as event on ticket.ticket_id = event.ticket_id
),

positioned as materialized (
    select
        keyed.ticket_id,
        keyed.number,
        keyed.event_kind,
        keyed.status,
        {{ service_position('keyed.occurred_at', 'calendar') }} as position
    from keyed
    left join marts.dim_calendar as calendar on keyed.calendar_key = calendar.calendar_key
),

spans as (
    select
        ticket_id,
        event_kind,
        status,
        position,
        lead(position) over (partition by ticket_id order by number) - position as minutes
    from positioned
)

select
    ticket_id,
    {%- for name, kinds in milestones.items() %}
    min(position) filter (where event_kind in ({{ kinds }})) - min(position) as {{ name }},
    {%- endfor %}
    {%- for name, statuses in states.items() %}
    coalesce(sum(minutes) filter (where status in ({{ statuses }})), 0) as {{ name }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from spans
group by ticket_id
