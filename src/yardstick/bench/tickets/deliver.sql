-- What the source delivers: every ticket {{ 'that something happened to on the day' if day else 'opened so far' }}, as
-- it stands at the end of the last day, and {{ 'the events of that day' if day else 'every event so far' }}; rows stand
-- for the day they were opened or happened on.
create temporary table delivered as
with events as (
    select
        *,
        (occurred_at at time zone '{{ time_zone }}')::date as day
    from bench.event
    where occurred_at < ('{{ last_day }}'::date + 1)::timestamp at time zone '{{ time_zone }}'
),

lives as (
    select
        ticket_id,
        min(occurred_at) filter (where event_kind = 'accepted') as first_response_at,
        min(occurred_at) filter (where event_kind = 'work_done') as work_done_at,
        max(occurred_at) filter (where event_kind = 'closed') as closed_at
    from events
    group by ticket_id
    {%- if day %}
    having bool_or(day = '{{ day }}')
    {%- endif %}
),

tickets as (
    select
        ticket.*,
        lives.first_response_at,
        lives.work_done_at,
        lives.closed_at,
        (ticket.opened_at at time zone '{{ time_zone }}')::date as day
    from bench.ticket as ticket
    inner join lives on ticket.ticket_id = lives.ticket_id
)

select
    'ticket' as entity,
    day,
    array_to_string(array[{{ cells(ticket_fields) }}], chr(31)) as cells
from tickets
union all
select
    'ticket_event' as entity,
    day,
    array_to_string(array[{{ cells(event_fields) }}], chr(31)) as cells
from events
{%- if day %}
where day = '{{ day }}'
{%- endif %};

insert into ops.arrival (source_id, entity, file_name, file_sha256, byte_size, header, status)
select distinct
    '{{ source }}',
    entity,
    entity || '_{{ day or "history" }}.csv',
    '',
    0,
    case entity when 'ticket' then '{{ header(ticket_fields) }}' else '{{ header(event_fields) }}' end::text [],
    'landed'
from delivered;

insert into ops.delivery (
    arrival_id, source_id, entity, partition_date, file_name, revision, content_sha256, rows_landed
)
select
    arrival.arrival_id,
    arrival.source_id,
    arrival.entity,
    delivered.day,
    arrival.file_name,
    1,
    md5(concat(arrival.file_name, delivered.day)),
    count(*)
from delivered
inner join ops.arrival as arrival
    on arrival.file_name = delivered.entity || '_{{ day or "history" }}.csv'
group by arrival.arrival_id, delivered.day
order by arrival.entity, delivered.day;

{% for entity in ['ticket', 'ticket_event'] %}
insert into raw.{{ entity }} (delivery_id, row_number, cells)
select
    delivery.delivery_id,
    row_number() over (partition by delivery.delivery_id order by delivered.cells),
    delivered.cells
from delivered
inner join ops.delivery as delivery
    on
        delivery.entity = delivered.entity
        and delivery.partition_date = delivered.day
        and delivery.file_name = delivered.entity || '_{{ day or "history" }}.csv'
where delivered.entity = '{{ entity }}'
order by delivery.delivery_id;
{% endfor %}
drop table delivered
