{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["build_id is distinct from {{ audited_build_before() }}"],
        indexes=[{'columns': ['build_id', 'kind', 'key_id'], 'unique': true}],
    )
}}

-- depends_on: {{ source('ops', 'build') }}

with releases as (
    select * from {{ ref('int_standards__in_force') }}
),

policies as (
    select * from {{ source('standards', 'sla_policy') }}
),

targets as (
    select * from {{ source('standards', 'sla_target') }}
),

projects as (
    select * from {{ ref('dim_project') }}
),

service_items as (
    select * from {{ ref('dim_service_item') }}
),

promised as (
    select
        standards_release,
        policy,
        string_agg(concat_ws(' ', target, minutes, clock, paused_in::text), '|' order by target) as terms
    from targets
    group by standards_release, policy
),

released as (
    select
        releases.standards_release,
        releases.effective_from,
        releases.effective_until,
        string_agg(
            concat_ws(
                ' ', policies.policy, coalesce(policies.service_items::text, '-'),
                coalesce(policies.service_groups::text, '-'), coalesce(policies.priorities::text, '-'),
                coalesce(policies.project_grades::text, '-'), coalesce(policies.channels::text, '-'),
                coalesce(policies.is_emergency::text, '-'), promised.terms
            ),
            '||' order by policies.position
        ) as terms
    from releases
    inner join policies on releases.standards_release = policies.standards_release
    inner join promised
        on policies.standards_release = promised.standards_release and policies.policy = promised.policy
    group by releases.standards_release, releases.effective_from, releases.effective_until
),

keys as (
    select
        'release' as kind,
        standards_release as key_id,
        effective_from as first_day,
        effective_until as until_day,
        md5(terms) as terms_md5
    from released
    union all
    select
        'project' as kind,
        project_id as key_id,
        null as first_day,
        null as until_day,
        md5(coalesce(project_grade, '')) as terms_md5
    from projects
    union all
    select
        'service_item' as kind,
        service_item_id as key_id,
        null as first_day,
        null as until_day,
        md5(concat_ws(' ', coalesce(is_emergency, false), service_group_id)) as terms_md5
    from service_items
)

select
    {{ var('build_id') }} as build_id,
    kind,
    key_id,
    first_day,
    until_day,
    terms_md5
from keys
