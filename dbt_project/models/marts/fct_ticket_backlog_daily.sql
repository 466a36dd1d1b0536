{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "day in (select affected.day from {{ ref('int_days__affected') }} as affected where affected.is_by_tickets)"
        ],
        indexes=[
            {'columns': ['day', 'project_id', 'service_item_id'], 'unique': true},
        ],
    )
}}

with affected as (
    select * from {{ ref('int_days__affected') }}
    where is_by_tickets
),

bounds as (
    select
        min(day) as first_day,
        max(day) as last_day
    from affected
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
),

-- Tickets that opened, waited or closed between the first and the last day affected.
tickets as (
    select
        fct_ticket.project_id,
        fct_ticket.service_item_id,
        fct_ticket.opened_date,
        fct_ticket.due_date,
        fct_ticket.closed_date,
        {{ waiting_until('fct_ticket.') }} as until_date,
        horizons.horizon_date
    from {{ ref('fct_ticket') }} as fct_ticket
    inner join horizons on fct_ticket.source_id = horizons.source_id
    where
        fct_ticket.opened_date <= (select bounds.last_day from bounds)
        and fct_ticket.opened_date <= horizons.horizon_date
        and (
            fct_ticket.closed_date is null
            or fct_ticket.closed_date >= (select bounds.first_day from bounds)
            or fct_ticket.opened_date >= (select bounds.first_day from bounds)
        )
),

-- Nothing is known of a ticket after the last day its source delivered.
known as (
    select
        project_id,
        service_item_id,
        opened_date,
        least(until_date, horizon_date + 1) as gone_date,
        (closed_date is not null and until_date <= horizon_date)::integer as is_closed,
        case
            when due_date is not null
                and greatest(due_date, opened_date) < least(until_date, horizon_date + 1)
                then greatest(due_date, opened_date)
        end as overdue_date
    from tickets
),

movements as (
    select
        project_id,
        service_item_id,
        opened_date as day,
        1 as opened,
        0 as closed,
        1 as open_change,
        0 as overdue_change
    from known
    union all
    select
        project_id,
        service_item_id,
        gone_date as day,
        0 as opened,
        is_closed as closed,
        -1 as open_change,
        case when overdue_date is not null then -1 else 0 end as overdue_change
    from known
    union all
    select
        project_id,
        service_item_id,
        overdue_date as day,
        0 as opened,
        0 as closed,
        0 as open_change,
        1 as overdue_change
    from known
    where overdue_date is not null
),

daily as (
    select
        project_id,
        service_item_id,
        day,
        sum(opened) as opened,
        sum(closed) as closed,
        sum(open_change) as open_change,
        sum(overdue_change) as overdue_change
    from movements
    group by project_id, service_item_id, day
),

running as (
    select
        project_id,
        service_item_id,
        day as first_day,
        opened,
        closed,
        sum(open_change) over ticket_group as tickets_open,
        sum(overdue_change) over ticket_group as tickets_overdue,
        coalesce(lead(day) over ticket_group - 1, day) as last_day
    from daily
    window ticket_group as (partition by project_id, service_item_id order by day)
),

-- A figure holds until the next movement; days on which nothing waits or happens have no row.
spread as (
    select
        running.project_id,
        running.service_item_id,
        spread_day.day::date as day,
        case when spread_day.day = running.first_day then running.opened else 0 end as tickets_opened,
        case when spread_day.day = running.first_day then running.closed else 0 end as tickets_closed,
        running.tickets_open,
        running.tickets_overdue
    from running
    cross join bounds
    cross join
        generate_series(
            greatest(running.first_day, bounds.first_day),
            least(
                case when running.tickets_open > 0 then running.last_day else running.first_day end,
                bounds.last_day
            ),
            interval '1 day'
        ) as spread_day (day)
)

select
    spread.project_id,
    spread.service_item_id,
    spread.day,
    spread.tickets_opened::integer as tickets_opened,
    spread.tickets_closed::integer as tickets_closed,
    spread.tickets_open::integer as tickets_open,
    spread.tickets_overdue::integer as tickets_overdue
from spread
inner join affected on spread.day = affected.day
where spread.tickets_opened + spread.tickets_closed + spread.tickets_open > 0
