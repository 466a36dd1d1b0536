{{ config(materialized='table') }}

{%- set content -%}
    calendar.day, calendar.starts_at,
    calendar.opens_minute, calendar.closes_minute,
    calendar.opens_again_minute, calendar.closes_again_minute,
    calendar.opens_third_minute, calendar.closes_third_minute,
    calendar.opens_fourth_minute, calendar.closes_fourth_minute
{%- endset %}

with keys as (
    select * from {{ ref('int_service_keys') }}
),

resolved as (
    select * from {{ ref('int_service_profiles__resolved') }}
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

former_days as (
    select pairs.*, {{ content }}
    from pairs
    inner join calendar on pairs.former_profile_number = calendar.profile_number
),

present_days as (
    select pairs.*, {{ content }}
    from pairs
    inner join calendar on pairs.present_profile_number = calendar.profile_number
),

differing as (
    (select * from former_days except select * from present_days)
    union all
    (select * from present_days except select * from former_days)
)

select
    former_profile_number,
    present_profile_number,
    range_agg(daterange(day, day, '[]')) as days
from differing
group by former_profile_number, present_profile_number
