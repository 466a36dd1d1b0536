{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (select affected.month from {{ ref('int_digital__months') }} as affected)"
        ],
        indexes=[{'columns': ['month', 'project_id'], 'unique': true}],
    )
}}

with months as (
    select * from {{ ref('int_digital__months') }}
),

-- Not materialised: what is asked of history is asked by day.
tickets as not materialized (
    select * from {{ ref('fct_ticket') }}
),

horizons as (
    select * from {{ ref('int_sources__horizons') }}
)

-- As the indicators count them: docs/decisions/0006.
select
    months.month,
    tickets.project_id,
    count(*)::integer as tickets_due,
    (count(*) filter (where tickets.is_on_time))::integer as tickets_due_met
from months
inner join tickets on months.month <= tickets.due_date and months.next_month > tickets.due_date
inner join horizons on tickets.source_id = horizons.source_id and tickets.due_date <= horizons.horizon_date
where tickets.status <> 'cancelled'
group by months.month, tickets.project_id
