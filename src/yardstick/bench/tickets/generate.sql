-- Tickets and their events, the same for the same numbers. A ticket is opened at any time of its days, by day more
-- often than by night; how long it lives follows the quantiles of 49,042 closed tickets of a real operation (Boston's
-- 311 system, January to June 2015), between which it is interpolated: three days in the middle, 18 on average.
create unlogged table bench.ticket as
with quantiles as (
    select *
    from (
        values
        (0, 2), (0.1, 3), (0.2, 81), (0.3, 839), (0.4, 1823), (0.5, 4406), (0.6, 8618), (0.7, 15918),
        (0.8, 30530), (0.85, 44125), (0.9, 73686), (0.93, 103479), (0.95, 135312), (0.97, 198416),
        (0.98, 241735), (0.99, 305172), (0.995, 345575), (1, 402939)
    ) as known (share, minutes)
),

lives as (
    select
        share::double precision as from_share,
        minutes as from_minutes,
        lead(share::double precision) over (order by share) as until_share,
        lead(minutes) over (order by share) as until_minutes
    from quantiles
),

drawn as (
    select
        number,
        -- numbers from 0 to 1 that depend on nothing but the ticket's number and the place
        array(
            select (hashint8extended(number, place) & 1073741823) / 1073741824.0::double precision
            from generate_series(1, 8) as place
        ) as u
    from generate_series({{ first }}::bigint, {{ last }}::bigint) as number
),

placed as (
    select
        number,
        u,
        timestamp '{{ first_day }}' + floor((number - {{ first }}) * {{ days }} / {{ tickets }}::double precision)
        * interval '1 day' as opened_day,
        known.from_minutes
        + (known.until_minutes - known.from_minutes) * (u[1] - known.from_share)
        / (known.until_share - known.from_share) as lifetime_minutes
    from drawn
    inner join lives as known on u[1] >= known.from_share and u[1] < known.until_share
)

select
    number as ticket_id,
    'bench' as source_id,
    'P' || lpad((1 + floor(u[3] * 300))::integer::text, 3, '0') as project_id,
    'I' || lpad(floor(u[4] * 25)::integer::text, 2, '0') as service_item_id,
    null::boolean as is_emergency,
    date_trunc(
        'second',
        opened_day
        + case
            when u[5] < 0.85 then 420 + (u[6] + u[7]) * 420
            else u[6] * 1440
        end * interval '1 minute'
    ) at time zone 'Asia/Shanghai' as opened_at,
    lifetime_minutes,
    u[8] < 0.06 as is_open,
    (array[3, 4, 4, 5, 5, 5, 5, 6, 6, 7])[1 + number % 10] as events
from placed;

create unlogged table bench.event as
with steps as (
    select
        ticket.ticket_id,
        step.number,
        ticket.ticket_id % 4 as kind,
        date_trunc(
            'second',
            ticket.opened_at
            + ticket.lifetime_minutes * interval '1 minute'
            * case
                when step.number = ticket.events then 1
                when step.number = 1 then 0
                else power(
                    (
                        step.number - 1
                        + 0.9 * (hashint8extended(ticket.ticket_id * 8 + step.number, 9) & 65535) / 65536.0
                    ) / ticket.events,
                    2
                )
            end
        ) as occurred_at,
        case
            when step.number < ticket.events or not ticket.is_open
                then (array[
                    array['opened', 'accepted', 'closed', null, null, null, null],
                    array['opened', 'assigned', 'accepted', 'closed', null, null, null],
                    case
                        when ticket.ticket_id % 2 = 0
                            then array['opened', 'assigned', 'accepted', 'work_done', 'closed', null, null]
                        else array['opened', 'accepted', 'paused', 'resumed', 'closed', null, null]
                    end,
                    array['opened', 'assigned', 'accepted', 'paused', 'resumed', 'closed', null],
                    array['opened', 'assigned', 'accepted', 'handed_over', 'paused', 'resumed', 'closed']
                ])[ticket.events - 2][step.number]
            else 'commented'
        end as event_kind
    from bench.ticket as ticket
    cross join lateral generate_series(1, ticket.events) as step (number)
)

select
    ticket_id,
    number,
    occurred_at,
    event_kind,
    case when event_kind = 'paused' then (array['owner', 'parts', 'weather', 'other'])[1 + kind] end as pause_reason,
    case event_kind
        when 'opened' then 'open'
        when 'assigned' then 'assigned'
        when 'paused' then 'waiting_' || (array['owner', 'parts', 'weather', 'other'])[1 + kind]
        when 'work_done' then 'done'
        when 'closed' then 'closed'
        else 'in_progress'
    end as status
from steps;

alter table bench.event add primary key (ticket_id, number);
alter table bench.ticket add primary key (ticket_id)
