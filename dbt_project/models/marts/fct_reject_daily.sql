{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, entity, day) in (select d.source_id, d.entity, d.partition_date "
            "from {{ source('ops', 'delivery') }} as d where d.accounted_build_id = {{ var('build_id') }})",
        ],
        indexes=[
            {'columns': ['source_id', 'entity', 'day'], 'unique': true},
            {'columns': ['day']},
        ],
    )
}}

with deliveries as (
    select * from {{ source('ops', 'delivery') }}
),

-- An older day belongs here too when a row of it was superseded.
accounted as (
    select distinct
        source_id,
        entity,
        partition_date
    from deliveries
    where accounted_build_id = {{ var('build_id') }}
)

select
    deliveries.source_id,
    deliveries.entity,
    deliveries.partition_date as day,
    count(*)::integer as delivery_count,
    sum(deliveries.rows_landed)::bigint as rows_landed,
    sum(deliveries.rows_staged)::bigint as rows_staged,
    sum(deliveries.rows_superseded)::bigint as rows_superseded,
    sum(deliveries.rows_rejected)::bigint as rows_rejected,
    sum(deliveries.rows_duplicate)::bigint as rows_duplicate,
    sum(deliveries.rows_flagged)::bigint as rows_flagged,
    round(100.0 * sum(deliveries.rows_rejected) / nullif(sum(deliveries.rows_landed), 0), 4) as rejected_pct
from deliveries
inner join accounted
    on
        deliveries.source_id = accounted.source_id
        and deliveries.entity = accounted.entity
        and deliveries.partition_date = accounted.partition_date
-- what has landed since is not judged yet
where deliveries.rows_staged is not null
group by 1, 2, 3
