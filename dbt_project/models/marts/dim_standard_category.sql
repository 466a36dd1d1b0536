{{ config(materialized='table', indexes=[{'columns': ['standards_release', 'category'], 'unique': true}]) }}

with recursive categories as (
    select * from {{ source('standards', 'standards_category') }}
),

placed as (
    select
        standards_release,
        category,
        array[category] as category_path
    from categories
    where parent_category is null
    union all
    select
        categories.standards_release,
        categories.category,
        placed.category_path || categories.category as category_path
    from categories
    inner join placed
        on
            categories.standards_release = placed.standards_release
            and categories.parent_category = placed.category
)

select
    categories.standards_release,
    categories.category,
    categories.names ->> 'zh' as category_name_zh,
    categories.names ->> 'en' as category_name_en,
    categories.parent_category,
    placed.category_path,
    cardinality(placed.category_path) as depth,
    categories.function,
    categories.position
from categories
inner join placed
    on
        categories.standards_release = placed.standards_release
        and categories.category = placed.category
