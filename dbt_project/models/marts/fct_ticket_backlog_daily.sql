{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(day, project_id) in (
                select affected.day, affected.project_id from {{ ref('int_project_days__affected') }} as affected
                where affected.backlog_first_day is not null
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
{%- set of_ticket = [
    'source_id', 'source_ticket_id', 'project_id', 'service_item_id', 'opened_date', 'overdue_date', 'gone_date',
    'is_closed',
] %}

-- A day's backlog is that of the day before and what moved: only tickets that moved on a day are looked at for it. The
-- planner cannot guess how many those are; so what is found of a ticket is carried along, and nothing is joined twice.
with horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

affected as not materialized (
    select
        project_id,
        day,
        backlog_first_day as first_day,
        backlog_last_day as last_day
    from {{ ref('int_project_days__affected') }}
    where backlog_first_day is not null
),

{%- if is_incremental() %}

days as (
    select distinct day from affected
),

-- Neighbouring days of a project are reckoned in one go.
stretches as (
    select distinct
        project_id,
        first_day,
        last_day
    from affected
),
{%- endif %}

-- Not materialised: a build reads the days it changed, by index, not history.
facts as not materialized (
    select
        fct_ticket.source_id,
        fct_ticket.source_ticket_id,
        fct_ticket.project_id,
        fct_ticket.service_item_id,
        fct_ticket.department_id,
        fct_ticket.opened_date,
        fct_ticket.due_date,
        fct_ticket.closed_date,
        {{ waiting_until('fct_ticket.') }} as until_date,
        horizons.horizon_date
    from {{ ref('fct_ticket') }} as fct_ticket
    inner join horizons on fct_ticket.source_id = horizons.source_id
    where fct_ticket.opened_date <= horizons.horizon_date
),

spans as not materialized (
    select * from {{ ref('fct_ticket_span') }}
),

moving as (
    {%- if is_incremental() %}
    {%- for age in bands.values() %}
    select facts.*
    from facts
    inner join affected on facts.project_id = affected.project_id and facts.opened_date = affected.day - {{ age }}
    where facts.opened_date = any(array(select days.day - {{ age }} from days))
    union
    {%- endfor %}
    {%- for moment in ['due', 'closed'] %}
    select facts.*
    from facts
    inner join affected on facts.project_id = affected.project_id and facts.{{ moment }}_date = affected.day
    where facts.{{ moment }}_date = any(array(select days.day from days))
    union
    {%- endfor %}
    select facts.*
    from spans
    inner join affected on spans.project_id = affected.project_id and spans.started_date = affected.day
    inner join facts on spans.source_id = facts.source_id and spans.source_ticket_id = facts.source_ticket_id
    where spans.started_date = any(array(select days.day from days))
    -- of a source that has fallen behind nothing is known any more
    {%- for closed in ['is null', '> facts.horizon_date'] %}
    union
    select facts.*
    from facts
    inner join affected on facts.project_id = affected.project_id and facts.horizon_date + 1 = affected.day
    where facts.closed_date {{ closed }}
    {%- endfor %}
    {%- else %}
    select * from facts
    {%- endif %}
),

tickets as materialized (
    select
        source_id,
        source_ticket_id,
        project_id,
        service_item_id,
        department_id,
        opened_date,
        least(until_date, horizon_date + 1) as gone_date,
        (closed_date is not null and until_date <= horizon_date)::integer as is_closed,
        case when due_date is not null then greatest(due_date, opened_date) end as overdue_date
    from moving
),

-- Who holds a ticket from a day on: by its stays, the first of which tells of the days before it too.
stays as (
    select
        {%- for column in of_ticket %}
        tickets.{{ column }},
        {%- endfor %}
        coalesce(
            case when spans.source_id is null then tickets.department_id else spans.department_id end, ''
        ) as department_id,
        spans.span_number,
        nullif(
            spans.started_date, min(spans.started_date) over (partition by tickets.source_id, tickets.source_ticket_id)
        ) as started_date
    from tickets
    left join spans
        on tickets.source_id = spans.source_id and tickets.source_ticket_id = spans.source_ticket_id
),

begun as (
    select distinct on (source_id, source_ticket_id, started_date) *
    from stays
    order by source_id asc, source_ticket_id asc, started_date asc, span_number desc
),

-- The days on which a ticket moves.
moved as (
    select
        {{ of_ticket | join(', ') }},
        coalesce(started_date, '-infinity') as day,
        department_id
    from begun
    union all
    select
        {%- for column in of_ticket %}
        tickets.{{ column }},
        {%- endfor %}
        change.day,
        null as department_id
    from tickets
    cross join lateral (
        values
        {%- for age in bands.values() %}
        (tickets.opened_date + {{ age }}),
        {%- endfor %}
        (tickets.overdue_date),
        (tickets.gone_date)
    ) as change (day)
    where change.day >= tickets.opened_date and change.day <= coalesce(tickets.gone_date, change.day)
),

moved_by_day as (
    select
        {{ of_ticket | join(', ') }},
        day,
        max(department_id) as department_id
    from moved
    group by {{ of_ticket | join(', ') }}, day
),

numbered as (
    select
        *,
        count(department_id) over (partition by source_id, source_ticket_id order by day) as stay_number
    from moved_by_day
),

held as (
    select
        *,
        max(department_id) over (partition by source_id, source_ticket_id, stay_number) as holder_id
    from numbered
),

-- Where a ticket is at the end of the day and where it was at the end of the day before.
placed_always as (
    select
        *,
        case
            when day > opened_date then lag(holder_id) over (partition by source_id, source_ticket_id order by day)
        end as former_holder_id
    from held
),

placed as (
    select
        placed_always.*,
        affected.first_day,
        affected.last_day,
        -- what its source has not delivered yet is no handover
        (
            placed_always.former_holder_id <> placed_always.holder_id
            and (
                placed_always.day < placed_always.gone_date
                or placed_always.gone_date is null
                or placed_always.is_closed = 1
            )
        )::integer as is_handed_over
    from placed_always
    inner join affected
        on placed_always.project_id = affected.project_id and placed_always.day = affected.day
    where
        placed_always.day >= placed_always.opened_date
        and placed_always.day <= coalesce(placed_always.gone_date, placed_always.day)
),

movements as (
    select
        project_id,
        service_item_id,
        holder_id as department_id,
        first_day,
        last_day,
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
        first_day,
        last_day,
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
        first_day,
        last_day,
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
    group by {{ key | join(', ') }}, first_day, last_day, day
    {%- if is_incremental() %}
    union all
    -- what waited before the first day of a stretch
    select
        {%- for column in key %}
        before.{{ column }},
        {%- endfor %}
        stretches.first_day,
        stretches.last_day,
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
        {{ key | join(', ') }},
        first_day,
        last_day,
        day,
        {%- for column in moves + counts %}
        sum({{ column }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from daily
    group by {{ key | join(', ') }}, first_day, last_day, day
),

running as (
    select
        {{ key | join(', ') }},
        day,
        coalesce(lead(day) over of_key, last_day + 1) as next_day,
        {%- for move in moves %}
        {{ move }},
        {%- endfor %}
        {%- for count in counts %}
        sum({{ count }}) over of_key as {{ count }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from summed
    window of_key as (partition by {{ key | join(', ') }}, first_day order by day)
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
