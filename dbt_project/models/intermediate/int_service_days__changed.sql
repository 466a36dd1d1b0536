{{ config(materialized='table') }}

{%- set content = [
    'day', 'starts_at', 'opens_minute', 'closes_minute', 'opens_again_minute', 'closes_again_minute',
    'opens_third_minute', 'closes_third_minute', 'opens_fourth_minute', 'closes_fourth_minute',
] | join(', ') %}

with keys as (
    select * from {{ ref('int_service_keys') }}
),

resolved as (
    select * from {{ ref('int_service_profiles') }}
),

calendar as (
    select * from {{ ref('dim_calendar') }}
),

class_pairs as (
    select distinct
        former.kind,
        former.class as former_class,
        present.class as present_class
    from keys as former
    inner join keys as present
        on
            former.kind = present.kind
            and former.key_id = present.key_id
            and former.told_emergency = present.told_emergency
    where former.build_id = {{ audited_build_before() }} and present.build_id = {{ var('build_id') }}
),

pairs as (
    select distinct
        former.profile_number as former_profile_number,
        present.profile_number as present_profile_number
    from class_pairs as of_sources
    cross join class_pairs as of_projects
    cross join class_pairs as of_service_items
    inner join resolved as former
        on
            of_sources.former_class = former.source_class
            and of_projects.former_class = former.project_class
            and of_service_items.former_class = former.service_item_class
            and former.build_id = {{ audited_build_before() }}
    inner join resolved as present
        on
            of_sources.present_class = present.source_class
            and of_projects.present_class = present.project_class
            and of_service_items.present_class = present.service_item_class
            and present.build_id = {{ var('build_id') }}
    where
        of_sources.kind = 'source' and of_projects.kind = 'project' and of_service_items.kind = 'service_item'
        and former.profile_number <> present.profile_number
),

hours as (
    {%- for side in ['former', 'present'] %}
    select
        pairs.former_profile_number,
        pairs.present_profile_number,
        {{ content }}
    from pairs
    inner join calendar on pairs.{{ side }}_profile_number = calendar.profile_number
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- A day of which both sides say the same is there twice.
differing as (
    select
        former_profile_number,
        present_profile_number,
        day
    from hours
    group by former_profile_number, present_profile_number, {{ content }}
    having count(*) = 1
)

select
    former_profile_number,
    present_profile_number,
    range_agg(daterange(day, day, '[]')) as days
from differing
group by former_profile_number, present_profile_number
