{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "nonconformity_id in (
                select touched.nonconformity_id from {{ ref('int_nonconformities__touched') }} as touched
            )",
            "nonconformity_id in (
                select repeats.nonconformity_id from {{ ref('int_nonconformities__repeats') }} as repeats
            )",
        ],
        indexes=[
            {'columns': ['nonconformity_id'], 'unique': true},
            {'columns': ['source_kind', 'source_id', 'source_nonconformity_id'], 'unique': true},
            {'columns': ['source_id', 'source_inspection_item_id']},
            {'columns': ['project_id', 'standard_code', 'found_date']},
            {'columns': ['found_date']},
            {'columns': ['due_date']},
            {'columns': ['is_rectified_on_time', 'due_date']},
            {'columns': ['delivery_id']},
        ],
        meta={'days': ['found_date', 'due_date', 'rectified_date', 'closed_date']},
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_nonconformities__touched') }}

with delivered as (
    select * from {{ ref('int_nonconformities__delivered') }}
),

repeats as (
    select * from {{ ref('int_nonconformities__repeats') }}
)

select
    {%- for column in nonconformity_columns() %}
    delivered.{{ column }},
    {%- endfor %}
    repeats.is_repeated,
    repeats.repeats_nonconformity_id
from delivered
inner join repeats on delivered.nonconformity_id = repeats.nonconformity_id
{%- if is_incremental() %}
union all
-- not touched themselves: what they repeat is another finding now, or none
select
    {%- for column in nonconformity_columns() %}
    neighbours.{{ column }},
    {%- endfor %}
    repeats.is_repeated,
    repeats.repeats_nonconformity_id
from {{ this }} as neighbours
inner join repeats on neighbours.nonconformity_id = repeats.nonconformity_id
where not repeats.is_delivered
{%- endif %}
