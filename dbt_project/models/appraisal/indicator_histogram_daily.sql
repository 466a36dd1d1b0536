{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['facts'],
    incremental_predicates=["day in (select days.day from {{ ref('int_days__to_figure') }} as days)"],
    indexes=[{'columns': ['day', 'project_id', 'indicator', 'from_minutes'], 'unique': true}],
) }}

with

histograms as not materialized (

    select * from {{ ref('int_histograms__daily') }}

),

service_items as (

    select * from {{ ref('dim_service_item') }}

),

in_force as (

    select * from {{ ref('int_standards__in_force') }}

),

indicators as (

    select * from {{ source('standards', 'standards_indicator') }}

),

definitions as (

    select
        in_force.standards_release,
        in_force.standards_sha256,
        in_force.effective_from,
        in_force.effective_until,
        indicators.indicator,
        indicators.histogram_measure,
        indicators.filters
    from in_force
    inner join indicators on in_force.standards_release = indicators.standards_release
    where indicators.histogram_measure is not null

),

-- A full refresh knows no bounds.
days as (

    select day from {{ ref('int_days__to_figure') }}
    {% if not is_incremental() %}
        union
        select day from {{ ref('int_histograms__daily') }}
    {% endif %}

),

-- Materialised, and the days as an array: the planner cannot guess how many rows a definition keeps, and
-- would otherwise loop over days and service items for each of them.
placed as materialized (

    select
        histograms.*,
        service_items.service_group_id
    from histograms
    left join service_items on histograms.service_item_id = service_items.service_item_id
    where histograms.day = any(array(select days.day from days))

)

select
    placed.day,
    placed.project_id,
    definitions.indicator,
    placed.from_minutes,
    placed.to_minutes,
    sum(placed.tickets)::bigint as tickets,
    definitions.standards_release,
    definitions.standards_sha256
from placed
inner join definitions
    on
        placed.measure = definitions.histogram_measure
        and placed.day >= definitions.effective_from
        and placed.day < definitions.effective_until
where
    (definitions.filters -> 'channel' is null or definitions.filters -> 'channel' ? placed.channel)
    and (
        definitions.filters -> 'service_item_id' is null
        or definitions.filters -> 'service_item_id' ? placed.service_item_id
    )
    and (
        definitions.filters -> 'service_group_id' is null
        or definitions.filters -> 'service_group_id' ? placed.service_group_id
    )
group by 1, 2, 3, 4, 5, 7, 8
