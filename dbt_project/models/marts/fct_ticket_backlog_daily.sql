{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(day, project_id) in (
                select affected.day, affected.project_id from {{ ref('int_project_days__affected') }} as affected
                where affected.is_backlog_affected
            )"
        ],
        indexes=[
            {'columns': ['day', 'project_id', 'service_item_id', 'department_id'], 'unique': true},
        ],
    )
}}

{%- set bands = age_bands() %}
{%- set counts = ['tickets_open', 'tickets_overdue'] %}
{%- for band in bands %}{% do counts.append('tickets_open_' ~ band ~ '_days') %}{% endfor %}
{%- set moves = ['tickets_opened', 'tickets_closed', 'tickets_handed_in', 'tickets_handed_out'] %}
{%- set key = ['project_id', 'service_item_id', 'department_id'] %}

-- A day's backlog is that of the day before and what moved: only tickets that moved on a day are looked at for it.
with affected as not materialized (
    select
        day,
        project_id
    from {{ ref('int_project_days__affected') }}
    where is_backlog_affected
),

days as (
    select distinct day from affected
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

spans as not materialized (
    select * from {{ ref('fct_ticket_span') }}
),

-- Not materialised: a build reads the days it changed, by index, not history.
facts as not materialized (
    select
        *,
        {{ waiting_until('') }} as until_date
    from {{ ref('fct_ticket') }}
),

-- Neighbouring days of a project are reckoned in one go.
stretches as (
    select
        project_id,
        min(day) as first_day,
        max(day) as last_day
    from (
        select
            project_id,
            day,
            day - row_number() over (partition by project_id order by day)::integer as place
        from affected
    ) as placed
    group by project_id, place
),

moving as (
    {%- for age in bands.values() %}
    select
        facts.source_id,
        facts.source_ticket_id
    from facts
    inner join affected on facts.project_id = affected.project_id and facts.opened_date = affected.day - {{ age }}
    {% if is_incremental() %}where facts.opened_date = any(array(select days.day - {{ age }} from days)){% endif %}
    union
    {%- endfor %}
    {%- for moment in ['due', 'closed'] %}
    select
        facts.source_id,
        facts.source_ticket_id
    from facts
    inner join affected on facts.project_id = affected.project_id and facts.{{ moment }}_date = affected.day
    {% if is_incremental() %}where facts.{{ moment }}_date = any(array(select days.day from days)){% endif %}
    union
    {%- endfor %}
    select
        spans.source_id,
        spans.source_ticket_id
    from spans
    inner join affected on spans.project_id = affected.project_id and spans.started_date = affected.day
    {% if is_incremental() %}where spans.started_date = any(array(select days.day from days)){% endif %}
    -- of a source that has fallen behind nothing is known any more
    {%- for closed in ['is null', '> horizons.horizon_date'] %}
    union
    select
        facts.source_id,
        facts.source_ticket_id
    from facts
    inner join horizons on facts.source_id = horizons.source_id
    inner join affected on facts.project_id = affected.project_id and horizons.horizon_date + 1 = affected.day
    where facts.opened_date <= horizons.horizon_date and facts.closed_date {{ closed }}
    {%- endfor %}
),

tickets as materialized (
    select
        facts.source_id,
        facts.source_ticket_id,
        facts.project_id,
        facts.service_item_id,
        facts.department_id,
        facts.opened_date,
        least(facts.until_date, horizons.horizon_date + 1) as gone_date,
        (facts.closed_date is not null and facts.until_date <= horizons.horizon_date)::integer as is_closed,
        case when facts.due_date is not null then greatest(facts.due_date, facts.opened_date) end as overdue_date
    from moving
    inner join facts
        on moving.source_id = facts.source_id and moving.source_ticket_id = facts.source_ticket_id
    inner join horizons on facts.source_id = horizons.source_id
    where facts.opened_date <= horizons.horizon_date
),

stays as materialized (
    select spans.*
    from spans
    inner join tickets
        on spans.source_id = tickets.source_id and spans.source_ticket_id = tickets.source_ticket_id
),

holdings as (
    {{ ticket_holdings('tickets', 'stays') }}
),

-- The days on which a ticket moves.
moved as (
    select distinct
        tickets.*,
        affected.day
    from tickets
    cross join lateral (
        values
        {%- for age in bands.values() %}
        (tickets.opened_date + {{ age }}),
        {%- endfor %}
        (tickets.overdue_date),
        (tickets.gone_date)
    ) as change (day)
    inner join affected on tickets.project_id = affected.project_id and change.day = affected.day
    where change.day >= tickets.opened_date and change.day <= coalesce(tickets.gone_date, change.day)
    union
    select
        tickets.*,
        affected.day
    from tickets
    inner join holdings
        on tickets.source_id = holdings.source_id and tickets.source_ticket_id = holdings.source_ticket_id
    inner join affected on tickets.project_id = affected.project_id and lower(holdings.days) = affected.day
    where affected.day >= tickets.opened_date and affected.day <= coalesce(tickets.gone_date, affected.day)
),

-- Where a ticket is at the end of the day and where it was at the end of the day before.
placed as (
    select
        moved.*,
        present.department_id as holder_id,
        case when moved.day > moved.opened_date then former.department_id end as former_holder_id,
        -- what its source has not delivered yet is no handover
        (
            former.department_id <> present.department_id
            and moved.day > moved.opened_date
            and (moved.day < moved.gone_date or moved.gone_date is null or moved.is_closed = 1)
        )::integer as is_handed_over
    from moved
    inner join holdings as present
        on
            moved.source_id = present.source_id
            and moved.source_ticket_id = present.source_ticket_id
            and moved.day <@ present.days
    left join holdings as former
        on
            moved.source_id = former.source_id
            and moved.source_ticket_id = former.source_ticket_id
            and moved.day - 1 <@ former.days
),

movements as (
    select
        project_id,
        service_item_id,
        holder_id as department_id,
        day,
        (day = opened_date)::integer as tickets_opened,
        (day = gone_date)::integer * is_closed as tickets_closed,
        coalesce(is_handed_over, 0) as tickets_handed_in,
        0 as tickets_handed_out,
        case when day < gone_date or gone_date is null then 1 else 0 end as tickets_open,
        day >= overdue_date as is_overdue,
        day - opened_date as age
    from placed
    union all
    select
        project_id,
        service_item_id,
        former_holder_id as department_id,
        day,
        0 as tickets_opened,
        0 as tickets_closed,
        0 as tickets_handed_in,
        is_handed_over as tickets_handed_out,
        -1 as tickets_open,
        day - 1 >= overdue_date as is_overdue,
        day - 1 - opened_date as age
    from placed
    where former_holder_id is not null
),

daily as (
    select
        {{ key | join(', ') }},
        day,
        {%- for move in moves %}
        sum({{ move }}) as {{ move }},
        {%- endfor %}
        sum(tickets_open) as tickets_open,
        coalesce(sum(tickets_open) filter (where is_overdue), 0) as tickets_overdue
        {%- for band, first in bands.items() %},
        {%- set next = (bands.values() | list)[loop.index] if not loop.last %}
        coalesce(sum(tickets_open) filter (
            where age >= {{ first }}{% if next %} and age < {{ next }}{% endif %}
        ), 0) as tickets_open_{{ band }}_days
        {%- endfor %}
    from movements
    group by {{ key | join(', ') }}, day
    {%- if is_incremental() %}
    union all
    -- what waited before the first day of a stretch
    select
        {%- for column in key %}
        before.{{ column }},
        {%- endfor %}
        stretches.first_day as day,
        {%- for move in moves %}
        0 as {{ move }},
        {%- endfor %}
        {%- for count in counts %}
        before.{{ count }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from stretches
    inner join {{ this }} as before
        on stretches.first_day - 1 = before.day and stretches.project_id = before.project_id
    {%- endif %}
),

summed as (
    select
        {%- for column in key %}
        daily.{{ column }},
        {%- endfor %}
        stretches.first_day as stretch_day,
        stretches.last_day as stretch_end,
        daily.day,
        {%- for column in moves + counts %}
        sum(daily.{{ column }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from daily
    inner join stretches
        on daily.project_id = stretches.project_id and daily.day between stretches.first_day and stretches.last_day
    group by
        {%- for column in key %}
        daily.{{ column }},
        {%- endfor %}
        stretches.first_day,
        stretches.last_day,
        daily.day
),

running as (
    select
        {{ key | join(', ') }},
        day,
        coalesce(lead(day) over of_key, stretch_end + 1) as next_day,
        {%- for move in moves %}
        {{ move }},
        {%- endfor %}
        {%- for count in counts %}
        sum({{ count }}) over of_key as {{ count }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from summed
    window of_key as (partition by {{ key | join(', ') }}, stretch_day order by day)
)

-- A figure holds until the next movement; days on which nothing waits or happens have no row.
select
    {%- for column in key %}
    running.{{ column }},
    {%- endfor %}
    spread_day.day::date as day,
    {%- for move in moves %}
    (case when spread_day.day = running.day then running.{{ move }} else 0 end)::integer as {{ move }},
    {%- endfor %}
    {%- for count in counts %}
    running.{{ count }}::integer as {{ count }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from running
cross join
    generate_series(
        running.day,
        case when running.tickets_open > 0 then running.next_day - 1 else running.day end,
        interval '1 day'
    ) as spread_day (day)
where
    running.tickets_open > 0
    or running.tickets_opened + running.tickets_closed + running.tickets_handed_in + running.tickets_handed_out > 0
