{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[
            {'columns': ['source_kind', 'source_id', 'source_nonconformity_id'], 'unique': true},
            {'columns': ['nonconformity_id'], 'unique': true},
        ],
        post_hook='analyze {{ this }}',
    )
}}

{#- source_kind: the entity whose row a finding is; a failed item is one as long as no rectification is of it. -#}
{%- set kinds = {
    'rectification': 'stg_delivered__rectifications',
    'takeover_finding': 'stg_delivered__takeover_findings',
    'fit_out_finding': 'stg_delivered__fit_out_findings',
} %}

with rectifications as not materialized (
    select * from {{ ref('stg_delivered__rectifications') }}
),

inspection_items as (
    select * from {{ ref('stg_delivered__inspection_items') }}
),

touched_items as (
    select * from {{ ref('int_inspection_items__touched') }}
),

-- Not materialised: what is asked of history is asked by key.
before as not materialized (
    {{ rows_before('intermediate', 'int_nonconformities', nonconformity_columns()) }}
),

horizons as (
    {{ finding_horizons() }}
),

standards as (
    select * from {{ source('standards', 'standards_release') }}
),

builds as (
    select * from {{ source('ops', 'build') }}
),

-- Releases read since the last audited build, and the days until the next one.
new_standards as (
    select
        in_force.effective_from,
        in_force.effective_until
    from {{ ref('int_standards__in_force') }} as in_force
    inner join standards on in_force.standards_release = standards.standards_release
    where
        standards.loaded_at > coalesce(
            (select max(builds.started_at) filter (where builds.status = 'audited') from builds), '-infinity'
        )
),

delivered as (
    {%- for kind, relation in kinds.items() %}
    select
        '{{ kind }}' as source_kind,
        source_id,
        source_{{ kind }}_id as source_nonconformity_id
    from {{ ref(relation) }}
    where delivery_id in ({{ deliveries_of_build() }})
    union all
    {%- endfor %}
    -- a row may mean something else now: the finding it used to be is looked at as well
    select
        source_kind,
        source_id,
        source_nonconformity_id
    from before
    where delivery_id in ({{ deliveries_of_build() }})
    union all
    -- what was not due yet when it was last looked at
    select
        before.source_kind,
        before.source_id,
        before.source_nonconformity_id
    from before
    inner join horizons on before.source_id = horizons.source_id and before.origin = horizons.origin
    where
        before.is_rectified_on_time is null
        and before.due_date <= horizons.horizon_date
        and before.status <> 'cancelled'
    union all
    select
        before.source_kind,
        before.source_id,
        before.source_nonconformity_id
    from before
    inner join new_standards
        on before.found_date >= new_standards.effective_from and before.found_date < new_standards.effective_until
),

-- Items that are touched, or that a touched rectification is of, or was.
items as (
    select
        source_id,
        source_inspection_item_id
    from touched_items
    union
    select
        source_id,
        source_inspection_item_id
    from rectifications
    where delivery_id in ({{ deliveries_of_build() }}) and source_inspection_item_id is not null
    union
    select
        before.source_id,
        before.source_inspection_item_id
    from before
    inner join delivered
        on
            before.source_kind = delivered.source_kind
            and before.source_id = delivered.source_id
            and before.source_nonconformity_id = delivered.source_nonconformity_id
    where before.source_inspection_item_id is not null
),

touched as (
    select
        source_kind,
        source_id,
        source_nonconformity_id
    from delivered
    union
    select
        'inspection_item' as source_kind,
        items.source_id,
        items.source_inspection_item_id as source_nonconformity_id
    from items
    inner join inspection_items
        on
            items.source_id = inspection_items.source_id
            and items.source_inspection_item_id = inspection_items.source_inspection_item_id
    where inspection_items.result = 'failed'
    union
    -- and what they were
    select
        before.source_kind,
        before.source_id,
        before.source_nonconformity_id
    from before
    inner join items
        on
            before.source_id = items.source_id
            and before.source_inspection_item_id = items.source_inspection_item_id
    {{- left_over(['source_kind', 'source_id', 'source_nonconformity_id']) }}
)

select
    {{ var('build_id') }} as build_id,
    source_kind || ':' || source_id || ':' || source_nonconformity_id as nonconformity_id,
    source_kind,
    source_id,
    source_nonconformity_id
from touched
