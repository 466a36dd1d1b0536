{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "delivery_id in ({{ deliveries_of_build() }})",
            "(source_id, source_cost_id) in (
                select costs.source_id, costs.source_cost_id
                from {{ ref('stg_delivered__costs') }} as costs
                where costs.delivery_id in ({{ deliveries_of_build() }})
            )",
        ],
        indexes=[
            {'columns': ['source_id', 'source_cost_id', 'month'], 'unique': true},
            {'columns': ['month']},
            {'columns': ['delivery_id']},
        ],
        meta={'days': ['month']},
        post_hook=note_days_when_new(),
    )
}}

-- Months are written down as days, which no figure of a day has to be computed anew for.
-- depends_on: {{ ref('int_days__affected') }}

-- Not materialised: what is asked of history is asked by key.
with costs as not materialized (
    select * from {{ ref('stg_delivered__costs') }}
),

touched as (
    select
        source_id,
        source_cost_id
    from costs
    where delivery_id in ({{ deliveries_of_build() }})
    {%- if is_incremental() %}
    union
    -- a row may mean something else now: the cost it used to be is looked at as well
    select
        source_id,
        source_cost_id
    from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- endif %}
),

-- A cost that says no period is one of the day it is booked on.
dated as (
    select
        costs.*,
        period.first_date,
        period.last_date
    from costs
    inner join touched on costs.source_id = touched.source_id and costs.source_cost_id = touched.source_cost_id
    cross join lateral (
        select
            case when costs.period_to is null then costs.cost_date else coalesce(costs.period_from, costs.cost_date) end
                as first_date,
            case when costs.period_from is null then costs.cost_date else coalesce(costs.period_to, costs.cost_date) end
                as last_date
    ) as period
),

parts as (
    select
        dated.*,
        of_period.month::date as month,
        least((of_period.month + interval '1 month')::date, dated.last_date + 1) - dated.first_date as days_to_end,
        greatest(of_period.month::date, dated.first_date) - dated.first_date as days_to_begin,
        dated.last_date + 1 - dated.first_date as days
    from dated
    cross join lateral generate_series(
        date_trunc('month', dated.first_date::timestamp), dated.last_date::timestamp, interval '1 month'
    ) as of_period (month)
)

-- By days, to the hundredth; each part ends where the next begins, so that they add up to the whole.
select
    source_id,
    source_cost_id,
    month,
    project_id,
    service_item_id,
    department_id,
    cost_kind,
    cost_date,
    case when days_to_end = days then amount_cny else round(amount_cny * days_to_end / days, 2) end
    - round(amount_cny * days_to_begin / days, 2) as amount_cny,
    equipment_id,
    source_ticket_id,
    delivery_id
from parts
