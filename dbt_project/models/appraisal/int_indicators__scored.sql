{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id', 'indicator'], 'unique': true}],
) }}

with

-- The release in force on the period's first day sets targets, weights and samples.
periods as (

    select
        {{ var('period_kind') }} as period_kind,
        {{ var('period') }} as period,
        {{ var('period_start') }} as period_start,
        {{ var('period_end') }} as period_end,
        {{ var('period_end') }} - {{ var('period_start') }} + 1 as days,
        case {{ var('period_kind') }} when 'month' then 1 when 'quarter' then 3 else 12 end as months,
        in_force.*
    from {{ ref('int_standards__in_force') }} as in_force
    where
        in_force.effective_from <= {{ var('period_start') }}
        and in_force.effective_until > {{ var('period_start') }}

),

projects as (

    select * from {{ ref('dim_project') }}

),

indicators as (

    select * from {{ source('standards', 'standards_indicator') }}

),

targets as (

    select * from {{ source('standards', 'standards_target') }}

),

indicators_daily as (

    select * from {{ ref('indicator_daily') }}

),

histograms_daily as (

    select * from {{ ref('indicator_histogram_daily') }}

),

grid as (

    select
        periods.*,
        projects.project_id,
        indicators.indicator,
        indicators.names as indicator_names,
        indicators.reform_part,
        indicators.unit,
        indicators.direction,
        indicators.kind,
        indicators.interval_method,
        indicators.is_numerator_stock,
        indicators.is_denominator_stock,
        indicators.minutes_per_unit,
        indicators.quantile::numeric as quantile,
        indicators.scoring,
        indicators.bands,
        indicators.points_per_event,
        indicators.minimum_sample,
        indicators.position,
        targets.weight::numeric as weight,
        targets.zero_value::numeric as zero_value,
        targets.floor_value::numeric as floor_value,
        targets.target_value::numeric as target_value
    from periods
    cross join projects
    inner join indicators on periods.standards_release = indicators.standards_release
    inner join targets
        on
            indicators.standards_release = targets.standards_release
            and indicators.indicator = targets.indicator
            and projects.project_grade = targets.project_grade

),

-- Months, quarters and years are sums of days.
summed as (

    select
        indicators_daily.project_id,
        indicators_daily.indicator,
        sum(indicators_daily.numerator) as numerator,
        sum(indicators_daily.denominator) as denominator,
        sum(indicators_daily.squares) as squares
    from indicators_daily
    cross join periods
    where indicators_daily.day between periods.period_start and periods.period_end
    group by 1, 2

),

histograms as (

    select
        histograms_daily.project_id,
        histograms_daily.indicator,
        histograms_daily.from_minutes,
        histograms_daily.to_minutes,
        sum(histograms_daily.tickets) as tickets
    from histograms_daily
    cross join periods
    where histograms_daily.day between periods.period_start and periods.period_end
    group by 1, 2, 3, 4

),

cumulated as (

    select
        histograms.*,
        sum(tickets) over (partition by project_id, indicator order by from_minutes) as tickets_upto,
        sum(tickets) over (partition by project_id, indicator) as tickets_total
    from histograms

),

totals as (

    select distinct
        project_id,
        indicator,
        tickets_total
    from cumulated

),

-- A quantile's interval: the quantiles at p ± z·√(p(1−p)/n), as for order statistics.
wanted as (

    select
        grid.project_id,
        grid.indicator,
        grid.minutes_per_unit,
        reading.reading,
        least(
            greatest(
                totals.tickets_total * (
                    grid.quantile
                    + reading.side * grid.confidence_z
                    * sqrt(grid.quantile * (1 - grid.quantile) / totals.tickets_total)
                ),
                0.5
            ),
            totals.tickets_total
        ) as tickets_below
    from grid
    inner join totals
        on grid.project_id = totals.project_id and grid.indicator = totals.indicator
    cross join (values ('value', 0), ('low', -1), ('high', 1)) as reading (reading, side)
    where grid.kind = 'quantile'

),

-- Linear within the bucket in which the wanted ticket lies.
located as (

    select
        wanted.project_id,
        wanted.indicator,
        wanted.reading,
        (
            cumulated.from_minutes
            + (cumulated.to_minutes - cumulated.from_minutes)
            * (wanted.tickets_below - (cumulated.tickets_upto - cumulated.tickets)) / cumulated.tickets
        ) / wanted.minutes_per_unit as value
    from wanted
    inner join cumulated
        on
            wanted.project_id = cumulated.project_id
            and wanted.indicator = cumulated.indicator
            and wanted.tickets_below > cumulated.tickets_upto - cumulated.tickets
            and wanted.tickets_below <= cumulated.tickets_upto

),

quantiles as (

    select
        project_id,
        indicator,
        max(value) filter (where reading = 'value') as value,
        max(value) filter (where reading = 'low') as value_low,
        max(value) filter (where reading = 'high') as value_high
    from located
    group by 1, 2

),

-- What is counted at the end of every day meets the same ticket again and again: its sample is the
-- average per day, not the sum. Cases of unequal weight tell less than as many equal ones: Kish (1965).
measured as (

    select
        grid.*,
        case when grid.kind <> 'quantile' and summed.denominator > 0 then summed.numerator end as numerator,
        coalesce(summed.denominator, 0) as denominator,
        summed.numerator / case when grid.is_numerator_stock then grid.days else 1 end::numeric as numerator_sample,
        coalesce(summed.denominator ^ 2 / nullif(summed.squares, 0), 0)
        / case when grid.is_denominator_stock then grid.days else 1 end::numeric as sample,
        case
            when summed.squares <> summed.denominator then summed.denominator ^ 2 / summed.squares
        end as sample_effective,
        summed.numerator / nullif(summed.denominator, 0) as ratio,
        quantiles.value as quantile_value,
        quantiles.value_low as quantile_low,
        quantiles.value_high as quantile_high
    from grid
    left join summed on grid.project_id = summed.project_id and grid.indicator = summed.indicator
    left join quantiles on grid.project_id = quantiles.project_id and grid.indicator = quantiles.indicator

),

-- Shares: Wilson (1927). Rates: log-normal with 1/n of both counts; with nothing counted, the exact
-- upper bound −ln(1 − confidence) of a Poisson count, by way of its chi-square approximation z²/2 + ln 2.
bounded as (

    select
        measured.*,
        case kind when 'ratio' then ratio when 'count' then numerator / months else quantile_value end as value,
        case
            when kind = 'count' then null
            when interval_method = 'order_statistic' then quantile_low
            when interval_method = 'wilson'
                then greatest(
                    (
                        ratio + confidence_z ^ 2 / (2 * sample)
                        - confidence_z * sqrt(ratio * (1 - ratio) / sample + confidence_z ^ 2 / (4 * sample ^ 2))
                    ) / (1 + confidence_z ^ 2 / sample),
                    0
                )
            when numerator > 0 then ratio * exp(-confidence_z * sqrt(1 / numerator_sample + 1 / sample))
            else 0
        end as value_low,
        case
            when kind = 'count' then null
            when interval_method = 'order_statistic' then quantile_high
            when interval_method = 'wilson'
                then least(
                    (
                        ratio + confidence_z ^ 2 / (2 * sample)
                        + confidence_z * sqrt(ratio * (1 - ratio) / sample + confidence_z ^ 2 / (4 * sample ^ 2))
                    ) / (1 + confidence_z ^ 2 / sample),
                    1
                )
            when numerator > 0 then ratio * exp(confidence_z * sqrt(1 / numerator_sample + 1 / sample))
            else (confidence_z ^ 2 / 2 + ln(2::numeric)) / sample
        end as value_high,
        sample >= minimum_sample as is_sample_sufficient
    from measured
    where denominator > 0

    union all

    select
        measured.*,
        null as value,
        null as value_low,
        null as value_high,
        false as is_sample_sufficient
    from measured
    where denominator = 0

),

-- Better is larger on this scale whatever the direction, so one curve serves both. Events are what they
-- are, not a sample: their points have no interval.
readings as (

    select
        bounded.project_id,
        bounded.indicator,
        reading.reading,
        case
            when bounded.scoring = 'veto' then case when bounded.numerator > 0 then 0 else 100 end
            when bounded.scoring = 'deduction'
                then greatest(100 - bounded.points_per_event * bounded.numerator / bounded.months, 0)
            when bounded.scoring = 'bands'
                then coalesce(
                    (
                        select max((band ->> 'points')::numeric)
                        from jsonb_array_elements(bounded.bands) as band
                        where scale.sign * (band ->> 'value')::numeric <= scale.sign * reading.value
                    ),
                    0
                )
            when scale.sign * reading.value >= scale.sign * bounded.target_value then 100
            when scale.sign * reading.value >= scale.sign * bounded.floor_value
                then
                    bounded.points_at_floor
                    + (100 - bounded.points_at_floor)
                    * (reading.value - bounded.floor_value) / (bounded.target_value - bounded.floor_value)
            when scale.sign * reading.value > scale.sign * bounded.zero_value
                then
                    bounded.points_at_floor
                    * (reading.value - bounded.zero_value) / (bounded.floor_value - bounded.zero_value)
            else 0
        end as points
    from bounded
    cross join lateral (select case bounded.direction when 'higher' then 1 else -1 end as sign) as scale
    cross join
        lateral (
            values
            ('value', round(bounded.value, 6)),
            ('low', round(bounded.value_low, 6)),
            ('high', round(bounded.value_high, 6))
        ) as reading (reading, value)
    where bounded.is_sample_sufficient and reading.value is not null

),

pointed as (

    select
        project_id,
        indicator,
        round(max(points) filter (where reading = 'value'), 4) as points,
        round(min(points), 4) as points_low,
        round(max(points), 4) as points_high
    from readings
    group by 1, 2

),

-- The weight of what was not measured is shared out pro rata: docs/decisions/0007.
weighted as (

    select
        bounded.*,
        pointed.points,
        pointed.points_low,
        pointed.points_high,
        coalesce(
            sum(bounded.weight) filter (where pointed.points is not null) over (partition by bounded.project_id), 0
        ) as weight_measured
    from bounded
    left join pointed on bounded.project_id = pointed.project_id and bounded.indicator = pointed.indicator

)

select
    period_kind,
    period,
    standards_release,
    project_id,
    indicator,
    indicator_names,
    reform_part,
    unit,
    direction,
    numerator::double precision as numerator,
    denominator::double precision as denominator,
    round(sample_effective, 6)::double precision as sample_effective,
    round(value, 6)::double precision as value,
    round(value_low, 6)::double precision as value_low,
    round(value_high, 6)::double precision as value_high,
    floor_value::double precision as floor_value,
    target_value::double precision as target_value,
    points,
    points_low,
    points_high,
    weight,
    case
        when points is null or weight_measured < minimum_weight_measured then 0
        else round(100 * weight / weight_measured, 6)
    end as weight_effective,
    is_sample_sufficient,
    coalesce(scoring = 'veto' and numerator > 0, false) as is_vetoed,
    minimum_sample,
    position
from weighted
