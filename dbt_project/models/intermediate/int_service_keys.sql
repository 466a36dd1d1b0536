{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["build_id is distinct from {{ audited_build_before() }}"],
        indexes=[{'columns': ['build_id', 'kind', 'key_id', 'told_emergency'], 'unique': true}],
    )
}}

-- depends_on: {{ source('ops', 'build') }}

with rules as (
    select * from {{ source('ops', 'service_rule') }}
),

closures as (
    select * from {{ source('ops', 'project_closure') }}
),

sources as (
    select * from {{ source('ops', 'source') }}
),

projects as (
    select * from {{ ref('dim_project') }}
),

service_items as (
    select * from {{ ref('dim_service_item') }}
),

-- What a ticket itself says of being an emergency goes before what its service item says.
told as (
    select *
    from (values ('', null::boolean), ('true', true), ('false', false)) as said (told_emergency, is_emergency)
),

keys as (
    select
        'source' as kind,
        sources.source_id as key_id,
        '' as told_emergency,
        sources.time_zone,
        array(
            select rules.rule_number from rules
            where rules.source_ids is null or sources.source_id = any(rules.source_ids)
            order by rules.rule_number
        ) as rule_numbers,
        null::date[] as closed_days
    from sources
    union all
    select
        'project' as kind,
        projects.project_id as key_id,
        '' as told_emergency,
        '' as time_zone,
        array(
            select rules.rule_number from rules
            where rules.project_ids is null or projects.project_id = any(rules.project_ids)
            order by rules.rule_number
        ) as rule_numbers,
        array(
            select closures.day from closures
            where closures.project_id = projects.project_id
            order by closures.day
        ) as closed_days
    from projects
    union all
    select
        'service_item' as kind,
        service_items.service_item_id as key_id,
        told.told_emergency,
        '' as time_zone,
        array(
            select rules.rule_number from rules
            where
                (rules.service_item_ids is null or service_items.service_item_id = any(rules.service_item_ids))
                and (rules.service_group_ids is null or service_items.service_group_id = any(rules.service_group_ids))
                and (
                    rules.is_emergency is null
                    or rules.is_emergency = coalesce(told.is_emergency, service_items.is_emergency, false)
                )
            order by rules.rule_number
        ) as rule_numbers,
        null::date[] as closed_days
    from service_items
    cross join told
    union all
    -- what is about no service item, as a complaint may be
    select
        'service_item' as kind,
        '' as key_id,
        '' as told_emergency,
        '' as time_zone,
        array(
            select rules.rule_number from rules
            where
                rules.service_item_ids is null and rules.service_group_ids is null
                and not coalesce(rules.is_emergency, false)
            order by rules.rule_number
        ) as rule_numbers,
        null::date[] as closed_days
)

select
    {{ var('build_id') }} as build_id,
    kind,
    key_id,
    told_emergency,
    md5(concat_ws('|', kind, time_zone, rule_numbers::text, closed_days::text)) as class,
    time_zone,
    rule_numbers,
    closed_days
from keys
