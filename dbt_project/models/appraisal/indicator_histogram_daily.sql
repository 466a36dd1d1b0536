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

)

select
    histograms.day,
    histograms.project_id,
    definitions.indicator,
    histograms.from_minutes,
    histograms.to_minutes,
    sum(histograms.tickets)::bigint as tickets,
    definitions.standards_release,
    definitions.standards_sha256
from histograms
inner join days on histograms.day = days.day
inner join definitions
    on
        histograms.measure = definitions.histogram_measure
        and histograms.day >= definitions.effective_from
        and histograms.day < definitions.effective_until
left join service_items on histograms.service_item_id = service_items.service_item_id
where
    (definitions.filters -> 'channel' is null or definitions.filters -> 'channel' ? histograms.channel)
    and (
        definitions.filters -> 'service_item_id' is null
        or definitions.filters -> 'service_item_id' ? histograms.service_item_id
    )
    and (
        definitions.filters -> 'service_group_id' is null
        or definitions.filters -> 'service_group_id' ? service_items.service_group_id
    )
group by 1, 2, 3, 4, 5, 7, 8
