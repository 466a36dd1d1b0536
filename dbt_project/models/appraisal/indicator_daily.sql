{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['facts'],
    incremental_predicates=["day in (select days.day from {{ ref('int_days__to_figure') }} as days)"],
    indexes=[
        {'columns': ['day', 'project_id', 'indicator'], 'unique': true},
        {'columns': ['project_id', 'indicator', 'day']},
    ],
    meta={'days': ['day']},
    post_hook=note_days_when_new(),
) }}

with

measures as not materialized (

    select * from {{ ref('int_measures__daily') }}

),

qualities as not materialized (

    select * from {{ ref('int_quality_measures__daily') }}

),

histograms as not materialized (

    select * from {{ ref('indicator_histogram_daily') }}

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
        indicators.kind,
        indicators.below_minutes,
        indicators.filters,
        part.side,
        part.measure
    from in_force
    inner join indicators on in_force.standards_release = indicators.standards_release
    cross join
        lateral (
            values
            ('numerator', numerator_measure),
            ('denominator', denominator_measure),
            ('histogram', histogram_measure)
        ) as part (side, measure)
    where part.measure is not null

),

-- A full refresh knows no bounds.
days as (

    select day from {{ ref('int_days__to_figure') }}
    {% if not is_incremental() %}
        union
        select day from {{ ref('int_measures__daily') }}
        union
        select day from {{ ref('int_quality_measures__daily') }}
    {% endif %}

),

-- Materialised, and the days as an array: the planner cannot guess how many rows a definition keeps, and
-- would otherwise loop over days and service items for each of them.
placed as materialized (

    select
        measures.*,
        service_items.service_group_id
    from measures
    left join service_items on measures.service_item_id = service_items.service_item_id
    where measures.day = any(array(select days.day from days))

),

counted as (

    select
        placed.day,
        placed.project_id,
        definitions.indicator,
        definitions.standards_release,
        definitions.standards_sha256,
        case when definitions.side = 'numerator' then placed.value else 0 end as numerator,
        case when definitions.side = 'denominator' then placed.value else 0 end as denominator,
        case when definitions.side = 'denominator' then placed.value else 0 end as squares
    from placed
    inner join definitions
        on
            placed.measure = definitions.measure
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

),

weighed as (

    select
        qualities.day,
        qualities.project_id,
        definitions.indicator,
        definitions.standards_release,
        definitions.standards_sha256,
        case when definitions.side = 'numerator' then qualities.value else 0 end as numerator,
        case when definitions.side = 'denominator' then qualities.value else 0 end as denominator,
        case when definitions.side = 'denominator' then qualities.squares else 0 end as squares
    from qualities
    inner join definitions
        on
            qualities.measure = definitions.measure
            and qualities.day >= definitions.effective_from
            and qualities.day < definitions.effective_until
    where
        qualities.day = any(array(select days.day from days))
        and (
            definitions.filters -> 'standard_category' is null
            or definitions.filters -> 'standard_category' ?| qualities.category_path
        )
        and (
            definitions.filters -> 'standard_code' is null
            or definitions.filters -> 'standard_code' ? qualities.standard_code
        )
        and (definitions.filters -> 'dimension' is null or definitions.filters -> 'dimension' ? qualities.dimension)
        and (definitions.filters -> 'channel' is null or definitions.filters -> 'channel' ? qualities.channel)
        and (
            definitions.filters -> 'inspection_type' is null
            or definitions.filters -> 'inspection_type' ? qualities.inspection_type
        )
        and (
            definitions.filters -> 'inspection_scope' is null
            or definitions.filters -> 'inspection_scope' ? qualities.inspection_scope
        )

),

-- A quantile has no numerator; a share cut from a histogram has its denominator among the counts.
timed as (

    select
        histograms.day,
        histograms.project_id,
        definitions.indicator,
        definitions.standards_release,
        definitions.standards_sha256,
        case
            when definitions.kind = 'ratio'
                then case when histograms.to_minutes <= definitions.below_minutes then histograms.tickets else 0 end
        end as numerator,
        case when definitions.kind = 'quantile' then histograms.tickets else 0 end as denominator,
        case when definitions.kind = 'quantile' then histograms.tickets else 0 end as squares
    from histograms
    inner join definitions
        on
            histograms.indicator = definitions.indicator
            and histograms.standards_release = definitions.standards_release
    where definitions.side = 'histogram' and histograms.day = any(array(select days.day from days))

),

together as (

    select * from counted
    union all
    select * from weighed
    union all
    select * from timed

)

select
    day,
    project_id,
    indicator,
    sum(numerator)::numeric as numerator,
    sum(denominator)::numeric as denominator,
    sum(squares)::numeric as squares,
    standards_release,
    standards_sha256
from together
group by 1, 2, 3, 7, 8
