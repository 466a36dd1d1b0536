{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['facts'],
    incremental_predicates=[
        "(day, project_id) in (
            select affected.day, affected.project_id from {{ ref('int_project_days__affected') }} as affected
        )"
    ],
    indexes=[{'columns': ['day', 'project_id', 'service_item_id', 'channel', 'measure'], 'unique': true}],
) }}

with

affected as not materialized (

    select * from {{ ref('int_project_days__affected') }}

),

horizons as (

    select * from {{ ref('int_sources__horizons') }}

),

-- Not materialised: a build reads the days it changed, by index, not history.
tickets as not materialized (

    select
        fct_ticket.project_id,
        fct_ticket.service_item_id,
        coalesce(fct_ticket.channel, '') as channel,
        fct_ticket.status,
        fct_ticket.opened_date,
        fct_ticket.due_date,
        fct_ticket.closed_date,
        fct_ticket.is_on_time,
        fct_ticket.reopened_count,
        fct_ticket.source_id,
        horizons.horizon_date
    from {{ ref('fct_ticket') }} as fct_ticket
    inner join horizons on fct_ticket.source_id = horizons.source_id

),

backlogs as (

    select * from {{ ref('fct_ticket_backlog_daily') }}

),

fields as (

    select * from {{ source('ops', 'source_field') }}

),

-- A source that maps no first response delivers none: its tickets are unmeasured, not unanswered.
responding_sources as (

    select source_id
    from fields
    where entity = 'ticket' and field = 'first_response_at' and cardinality(source_columns) > 0

),

opened as (

    select
        opened_date as day,
        project_id,
        service_item_id,
        channel,
        count(*) as tickets_opened,
        count(*) filter (where status = 'cancelled') as tickets_cancelled,
        count(*) filter (
            where status <> 'cancelled' and source_id in (select source_id from responding_sources)
        ) as tickets_response_expected
    from tickets
    where {{ in_affected_days('opened_date') }} and opened_date <= horizon_date
    group by 1, 2, 3, 4

),

-- On the day the ticket was due, whatever became of it: docs/decisions/0006.
due as (

    select
        due_date as day,
        project_id,
        service_item_id,
        channel,
        count(*) as tickets_due,
        count(*) filter (where is_on_time) as tickets_due_met
    from tickets
    where {{ in_affected_days('due_date') }} and due_date <= horizon_date and status <> 'cancelled'
    group by 1, 2, 3, 4

),

closed as (

    select
        closed_date as day,
        project_id,
        service_item_id,
        channel,
        count(*) as tickets_closed,
        count(reopened_count) as tickets_reopen_known,
        count(*) filter (where reopened_count > 0) as tickets_reopened
    from tickets
    where {{ in_affected_days('closed_date') }} and closed_date <= horizon_date and status <> 'cancelled'
    group by 1, 2, 3, 4

),

-- The backlog is kept by service item only: a ticket's channel does not matter to who is waiting.
waiting as (

    select
        backlogs.day,
        backlogs.project_id,
        backlogs.service_item_id,
        '' as channel,
        sum(backlogs.tickets_open) as tickets_open,
        sum(backlogs.tickets_overdue) as tickets_overdue_open
    from backlogs
    {% if is_incremental() %}
        inner join affected on backlogs.day = affected.day and backlogs.project_id = affected.project_id
    {% endif %}
    group by 1, 2, 3, 4

),

measured as (

    select
        opened.day,
        opened.project_id,
        opened.service_item_id,
        opened.channel,
        counted.measure,
        counted.value
    from opened
    cross join lateral (
        values
        ('tickets_opened', tickets_opened),
        ('tickets_cancelled', tickets_cancelled),
        ('tickets_response_expected', tickets_response_expected)
    ) as counted (measure, value)

    union all

    select
        due.day,
        due.project_id,
        due.service_item_id,
        due.channel,
        counted.measure,
        counted.value
    from due
    cross join lateral (
        values ('tickets_due', tickets_due), ('tickets_due_met', tickets_due_met)
    ) as counted (measure, value)

    union all

    select
        closed.day,
        closed.project_id,
        closed.service_item_id,
        closed.channel,
        counted.measure,
        counted.value
    from closed
    cross join lateral (
        values
        ('tickets_closed', tickets_closed),
        ('tickets_reopen_known', tickets_reopen_known),
        ('tickets_reopened', tickets_reopened)
    ) as counted (measure, value)

    union all

    select
        waiting.day,
        waiting.project_id,
        waiting.service_item_id,
        waiting.channel,
        counted.measure,
        counted.value
    from waiting
    cross join lateral (
        values ('tickets_open', tickets_open), ('tickets_overdue_open', tickets_overdue_open)
    ) as counted (measure, value)

)

select
    day,
    project_id,
    service_item_id,
    channel,
    measure,
    value::bigint as value
from measured
where value > 0
