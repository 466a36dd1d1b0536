-- The weekly expansion, as its public description has it: an interval becomes one row for every week that it touches,
-- a week's part of it is joined to the weekly minute ranges of its schedule, holidays are intersected with what was
-- found, and the rest is summed. Minutes are integers and a week's rows are made only where there are any.
create unlogged table bench.{{ target }} as
with moments as (
    select
        event.ticket_id,
        item.schedule_id,
        event.number,
        event.event_kind,
        event.status,
        date_trunc('minute', event.occurred_at at time zone '{{ time_zone }}') as occurred_at
    from bench.ticket as ticket
    inner join bench.item as item on ticket.service_item_id = item.service_item_id
    inner join bench.event as event on ticket.ticket_id = event.ticket_id
),

stays as (
    select
        ticket_id,
        schedule_id,
        status,
        event_kind,
        occurred_at as starts_at,
        lead(occurred_at) over (partition by ticket_id order by number) as ends_at
    from moments
),

lives as (
    select
        ticket_id,
        schedule_id,
        {%- for name, kinds in milestones.items() %}
        min(occurred_at) filter (where event_kind in ({{ kinds }})) as {{ name }},
        {%- endfor %}
        min(occurred_at) as opened_at
    from moments
    group by ticket_id, schedule_id
),

intervals as (
    select
        ticket_id,
        schedule_id,
        case
            {%- for name, statuses in states.items() %}
            when status in ({{ statuses }}) then '{{ name }}'
            {%- endfor %}
        end as measure,
        starts_at,
        ends_at
    from stays
    {%- for name in milestones %}
    union all
    select
        ticket_id,
        schedule_id,
        '{{ name }}' as measure,
        opened_at as starts_at,
        {{ name }} as ends_at
    from lives
    {%- endfor %}
),

measured as (
    select
        ticket_id,
        schedule_id,
        measure,
        (date_part('epoch', date_trunc('week', starts_at)) / 60)::integer as week_minute,
        (date_part('epoch', starts_at - date_trunc('week', starts_at)) / 60)::integer as starts_minute,
        (date_part('epoch', ends_at - date_trunc('week', starts_at)) / 60)::integer as ends_minute
    from intervals
    -- an interval without minutes needs no rows
    where ends_at > starts_at
),

weeks as (
    select
        measured.ticket_id,
        measured.schedule_id,
        measured.measure,
        measured.week_minute + week.number * 10080 as week_minute,
        greatest(measured.starts_minute - week.number * 10080, 0) as starts_minute,
        least(measured.ends_minute - week.number * 10080, 10080) as ends_minute
    from measured
    cross join lateral generate_series(0, (measured.ends_minute - 1) / 10080) as week (number)
),

served as (
    select
        weeks.ticket_id,
        weeks.schedule_id,
        weeks.measure,
        weeks.week_minute + greatest(weeks.starts_minute, schedule_range.opens_minute) as starts_minute,
        weeks.week_minute + least(weeks.ends_minute, schedule_range.closes_minute) as ends_minute
    from weeks
    inner join bench.schedule_range as schedule_range
        on
            weeks.schedule_id = schedule_range.schedule_id
            and weeks.starts_minute < schedule_range.closes_minute
            and weeks.ends_minute > schedule_range.opens_minute
),

spans as (
    select
        served.ticket_id,
        served.measure,
        served.ends_minute - served.starts_minute
        {%- if holidays %}
        -- holidays are runs of whole days and ranges do not go over midnight: one at most is met
        - case
            when holiday.schedule_id is null then 0
            else
                least(served.ends_minute, holiday.ends_minute)
                - greatest(served.starts_minute, holiday.starts_minute)
        end
        {%- endif %} as minutes
    from served
    {%- if holidays %}
    left join bench.holiday as holiday
        on
            served.schedule_id = holiday.schedule_id
            and served.starts_minute < holiday.ends_minute
            and served.ends_minute > holiday.starts_minute
    {%- endif %}
)

select
    lives.ticket_id,
    {%- for name in milestones %}
    case when lives.{{ name }} is not null then coalesce(sum(spans.minutes) filter (where measure = '{{ name }}'), 0) end
        as {{ name }},
    {%- endfor %}
    {%- for name in states %}
    coalesce(sum(spans.minutes) filter (where measure = '{{ name }}'), 0) as {{ name }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from lives
left join spans on lives.ticket_id = spans.ticket_id
group by lives.ticket_id{% for name in milestones %}, lives.{{ name }}{% endfor %}
