{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id', 'service_item_id'], 'unique': true}],
) }}

with

measures as (

    select * from {{ ref('int_measures__daily') }}

),

service_items as (

    select * from {{ ref('dim_service_item') }}

),

sums as (

    select
        project_id,
        service_item_id,
        sum(value) filter (where measure = 'tickets_opened') as tickets_opened,
        sum(value) filter (where measure = 'tickets_due') as tickets_due,
        sum(value) filter (where measure = 'tickets_due_met') as tickets_due_met,
        sum(value) filter (
            where measure = 'tickets_open' and day = {{ var('period_end') }}
        ) as tickets_open_at_end
    from measures
    where
        day between {{ var('period_start') }} and {{ var('period_end') }}
        and measure in ('tickets_opened', 'tickets_due', 'tickets_due_met', 'tickets_open')
    group by 1, 2

)

select
    {{ var('period_kind') }} as period_kind,
    {{ var('period') }} as period,
    sums.project_id,
    sums.service_item_id,
    jsonb_build_object(
        'zh-Hans',
        coalesce(service_items.service_item_name_zh, service_items.service_item_name_en, sums.service_item_id),
        'zh-Hant',
        coalesce(service_items.service_item_name_zh, service_items.service_item_name_en, sums.service_item_id),
        'en',
        coalesce(service_items.service_item_name_en, sums.service_item_id)
    ) as service_item_names,
    coalesce(sums.tickets_opened, 0)::bigint as tickets_opened,
    coalesce(sums.tickets_due, 0)::bigint as tickets_due,
    coalesce(sums.tickets_due_met, 0)::bigint as tickets_due_met,
    coalesce(sums.tickets_open_at_end, 0)::bigint as tickets_open_at_end
from sums
left join service_items on sums.service_item_id = service_items.service_item_id
where coalesce(sums.tickets_opened, sums.tickets_due, sums.tickets_open_at_end) is not null
