{{ config(
    materialized='incremental',
    incremental_strategy='replace_scope',
    tags=['score'],
    incremental_predicates=['{{ is_this_period() }}'],
    indexes=[{'columns': ['period_kind', 'period', 'project_id'], 'unique': true}],
) }}

with

projects as (

    select * from {{ ref('dim_project') }}

),

indicators as (

    select *
    from {{ ref('int_indicators__scored') }}
    where {{ is_this_period() }}

),

measures as (

    select * from {{ ref('int_measures__daily') }}

),

grades as (

    select grades.*
    from {{ source('standards', 'standards_grade') }} as grades
    inner join {{ ref('int_standards__in_force') }} as in_force
        on grades.standards_release = in_force.standards_release
    where
        in_force.effective_from <= {{ var('period_start') }}
        and in_force.effective_until > {{ var('period_start') }}

),

-- Errors of the indicators are taken as independent: the half-widths of their points, weighted, add
-- in quadrature, upwards and downwards each.
sums as (

    select
        project_id,
        sum(weight) filter (where points is not null) as weight_measured,
        sum(weight_effective) as weight_effective,
        bool_or(is_vetoed) as is_vetoed,
        sum(weight * points) filter (where weight_effective > 0)
        / nullif(sum(weight) filter (where weight_effective > 0), 0) as score,
        sqrt(sum((weight * (points - points_low)) ^ 2) filter (where weight_effective > 0))
        / nullif(sum(weight) filter (where weight_effective > 0), 0) as below,
        sqrt(sum((weight * (points_high - points)) ^ 2) filter (where weight_effective > 0))
        / nullif(sum(weight) filter (where weight_effective > 0), 0) as above
    from indicators
    group by 1

),

counts as (

    select
        project_id,
        sum(value) filter (where measure = 'tickets_opened') as tickets_opened,
        sum(value) filter (where measure = 'tickets_closed') as tickets_closed
    from measures
    where
        day between {{ var('period_start') }} and {{ var('period_end') }}
        and measure in ('tickets_opened', 'tickets_closed')
    group by 1

),

scored as (

    select
        projects.project_id,
        jsonb_build_object(
            'zh-Hans', coalesce(projects.project_name_zh, projects.project_name_en),
            'zh-Hant', coalesce(projects.project_name_zh, projects.project_name_en),
            'en', projects.project_name_en
        ) as project_names,
        projects.region,
        projects.project_grade,
        case when projects.is_appraised then round(sums.score, 2) end as score,
        case
            when projects.is_appraised and sums.score is not null then greatest(round(sums.score - sums.below, 2), 0)
        end as score_low,
        case
            when projects.is_appraised and sums.score is not null then least(round(sums.score + sums.above, 2), 100)
        end as score_high,
        -- Null, not false: a release of before vetoes has no such figure.
        case when projects.is_appraised and sums.is_vetoed then true end as is_vetoed,
        coalesce(sums.weight_measured, 0) as weight_measured,
        coalesce(counts.tickets_opened, 0) as tickets_opened,
        coalesce(counts.tickets_closed, 0) as tickets_closed
    from projects
    left join sums on projects.project_id = sums.project_id
    left join counts on projects.project_id = counts.project_id

),

-- A rank's range: at best behind those certainly better, at worst before those certainly worse; where
-- two intervals overlap the order of the two is open.
ranked as (

    select
        scored.project_id,
        count(*) filter (where other.score > scored.score) + 1 as rank,
        count(*) filter (where other.score_low > scored.score_high) + 1 as rank_low,
        count(*) - count(*) filter (where other.score_high < scored.score_low) as rank_high
    from scored
    inner join scored as other on other.score is not null
    where scored.score is not null
    group by 1

),

-- A veto leaves the score as it is and takes the last grade, also of a project without a score: too little
-- measured is no way round it.
graded as (

    select distinct on (scored.project_id)
        scored.project_id,
        grades.grade,
        grades.coefficient
    from scored
    inner join grades on coalesce(scored.is_vetoed, false) or scored.score >= grades.minimum_score::numeric
    order by
        scored.project_id asc,
        case when scored.is_vetoed then grades.minimum_score end asc,
        grades.minimum_score desc

)

select
    {{ var('period_kind') }} as period_kind,
    {{ var('period') }} as period,
    scored.project_id,
    scored.project_names,
    scored.region,
    scored.project_grade,
    scored.score::double precision as score,
    scored.score_low::double precision as score_low,
    scored.score_high::double precision as score_high,
    ranked.rank::integer as rank,
    ranked.rank_low::integer as rank_low,
    ranked.rank_high::integer as rank_high,
    graded.grade,
    graded.coefficient,
    scored.is_vetoed,
    scored.weight_measured::double precision as weight_measured,
    scored.tickets_opened::bigint as tickets_opened,
    scored.tickets_closed::bigint as tickets_closed
from scored
left join ranked on scored.project_id = ranked.project_id
left join graded on scored.project_id = graded.project_id
