{{ config(materialized='table', indexes=[{'columns': ['standards_release', 'standard_code'], 'unique': true}]) }}

with releases as (
    select * from {{ ref('int_standards__in_force') }}
),

categories as (
    select * from {{ ref('dim_standard_category') }}
),

inspection_standards as (
    select * from {{ source('standards', 'standards_inspection') }}
),

service_standards as (
    select * from {{ source('standards', 'standards_service') }}
),

data_standards as (
    select * from {{ source('standards', 'standards_data') }}
),

standards as (
    select
        inspection_standards.standards_release,
        inspection_standards.standard_code,
        'inspection' as standard_kind,
        inspection_standards.names,
        inspection_standards.category,
        categories.category_path,
        categories.function,
        inspection_standards.weight,
        inspection_standards.full_score,
        inspection_standards.is_veto,
        inspection_standards.severity,
        inspection_standards.rectify_within_days,
        inspection_standards.check_every_days,
        inspection_standards.inspected,
        inspection_standards.project_grades,
        inspection_standards.project_types,
        inspection_standards.facilities
    from inspection_standards
    inner join categories
        on
            inspection_standards.standards_release = categories.standards_release
            and inspection_standards.category = categories.category
    union all
    select
        standards_release,
        standard_code,
        'service' as standard_kind,
        names,
        category,
        array[category] as category_path,
        accountable_function as function,
        null as weight,
        null as full_score,
        false as is_veto,
        severity,
        rectify_within_days,
        null as check_every_days,
        null as inspected,
        null as project_grades,
        null as project_types,
        null as facilities
    from service_standards
    union all
    select
        standards_release,
        standard_code,
        'data' as standard_kind,
        names,
        dimension as category,
        array[dimension] as category_path,
        null as function,
        null as weight,
        null as full_score,
        false as is_veto,
        severity,
        null as rectify_within_days,
        null as check_every_days,
        null as inspected,
        null as project_grades,
        null as project_types,
        null as facilities
    from data_standards
)

select
    standards.standards_release,
    standards.standard_code,
    standards.standard_kind,
    standards.names ->> 'zh' as standard_name_zh,
    standards.names ->> 'en' as standard_name_en,
    standards.category,
    standards.category_path,
    standards.category_path[1] as category_1,
    standards.category_path[2] as category_2,
    standards.category_path[3] as category_3,
    standards.function,
    standards.weight,
    standards.full_score,
    standards.is_veto,
    standards.severity,
    standards.rectify_within_days,
    standards.check_every_days,
    standards.inspected,
    standards.project_grades,
    standards.project_types,
    standards.facilities,
    releases.effective_from,
    releases.effective_until
from standards
inner join releases on standards.standards_release = releases.standards_release
