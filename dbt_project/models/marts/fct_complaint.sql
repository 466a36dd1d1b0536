{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, source_complaint_id) in (
                select touched.source_id, touched.source_complaint_id
                from {{ ref('int_complaints__touched') }} as touched
            )",
            "(source_id, source_complaint_id) in (
                select repeats.source_id, repeats.source_complaint_id
                from {{ ref('int_complaints__repeats') }} as repeats
            )",
        ],
        indexes=[
            {'columns': ['source_id', 'source_complaint_id'], 'unique': true},
            {'columns': ['source_id', 'source_call_back_id']},
            {'columns': ['household_key']},
            {'columns': ['received_date']},
            {'columns': ['due_date']},
            {'columns': ['settled_date']},
            {'columns': ['delivery_id']},
            {'columns': ['call_back_delivery_id']},
        ],
        meta={'days': ['received_date', 'due_date', 'settled_date', 'closed_date']},
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_complaints__touched') }}

with delivered as (
    select * from {{ ref('int_complaints__delivered') }}
),

repeats as (
    select * from {{ ref('int_complaints__repeats') }}
)

select
    {%- for column in complaint_columns() %}
    delivered.{{ column }},
    {%- endfor %}
    {%- for column in complaint_repeat_columns() %}
    repeats.{{ column }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from delivered
inner join repeats
    on
        delivered.source_id = repeats.source_id
        and delivered.source_complaint_id = repeats.source_complaint_id
{%- if is_incremental() %}
union all
-- not touched themselves: another one comes before them now, or none
select
    {%- for column in complaint_columns() %}
    neighbours.{{ column }},
    {%- endfor %}
    {%- for column in complaint_repeat_columns() %}
    repeats.{{ column }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from {{ this }} as neighbours
inner join repeats
    on
        neighbours.source_id = repeats.source_id
        and neighbours.source_complaint_id = repeats.source_complaint_id
where not repeats.is_delivered
{%- endif %}
