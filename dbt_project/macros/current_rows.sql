{#- Every valid row ever delivered of an entity. A field that a contract gains is empty in the rows before. -#}
{% macro valid_versions(entity) %}
{%- set contract = contract_of(entity) -%}
{{ config(
    materialized='incremental',
    full_refresh=false,
    on_schema_change='append_new_columns',
    incremental_strategy='replace_scope',
    incremental_predicates=["delivery_id in ({{ deliveries_of_build() }})"],
    indexes=[
        {'columns': ['delivery_id', 'row_number'], 'unique': true},
        {'columns': contract['staged_key']},
    ],
    tags=['entity:' ~ entity],
    pre_hook=[note_tickets_replaced()] if entity in told_of_tickets() else [],
    post_hook=analyze_when_new(contract['staged_key']),
) }}
with delivered_rows as (
    select * from {{ ref('stg_delivered__' ~ entity ~ '_rows') }}
)

select
    delivery_id,
    row_number,
    source_id,
    partition_date,
    {%- for field in contract['fields'] %}
    {{ field.name }},
    {%- endfor %}
    content_md5
from delivered_rows
where problems = '[]'
{% endmacro %}


{#- A relation made a moment ago is asked about before the server has looked at it by itself. -#}
{% macro analyze_when_new(key) %}
    {{- return(
        '{% if not is_incremental() %}analyze {{ this }} (delivery_id, ' ~ key | join(', ') ~ '){% endif %}'
    ) -}}
{% endmacro %}


{#- Entities whose rows tell what became of a ticket. -#}
{% macro told_of_tickets() %}
    {{- return(['ticket_event', 'call_back']) -}}
{% endmacro %}


{#- A row built again may tell of another ticket than before: the former one is written down first. -#}
{% macro note_tickets_replaced() %}
    {{- return(
        '{% if is_incremental() %}'
        "insert into {{ source('ops', 'build_ticket') }} (build_id, source_id, source_ticket_id) "
        "select distinct {{ var('build_id') }}, source_id, source_ticket_id from {{ this }} "
        "where delivery_id in ({{ deliveries_of_build() }}) and source_ticket_id is not null "
        'on conflict do nothing'
        '{% endif %}'
    ) -}}
{% endmacro %}


{#- Indexes by which facts look for current rows of an entity other than by their key. -#}
{% macro looked_up_by(entity) %}
    {{- return({
        'ticket_event': [{'columns': ['source_id', 'source_ticket_id']}],
        'call_back': [{'columns': ['source_id', 'source_ticket_id']}, {'columns': ['source_id', 'source_complaint_id']}],
        'procedure_execution': [{'columns': ['started_at']}],
    }.get(entity, [])) -}}
{% endmacro %}


{#- The latest version of every key that this build's rows touch. -#}
{% macro current_rows(entity) %}
{%- set contract = contract_of(entity) -%}
{%- set columns = contract['staged_key'] | join(', ') -%}
{%- set rows_model = 'stg_delivered__' ~ entity ~ '_rows' -%}
{{ config(
    materialized='incremental',
    full_refresh=false,
    on_schema_change='append_new_columns',
    incremental_strategy='replace_scope',
    incremental_predicates=[
        "delivery_id in ({{ deliveries_of_build() }})",
        '(' ~ columns ~ ') in (select ' ~ columns ~ " from {{ ref('" ~ rows_model ~ "') }})",
    ],
    indexes=[
        {'columns': contract['staged_key'], 'unique': true},
        {'columns': ['delivery_id']},
    ] + looked_up_by(entity),
    tags=['entity:' ~ entity],
    post_hook=analyze_when_new(contract['staged_key']),
) }}
with delivered_rows as (
    select * from {{ ref(rows_model) }}
),

versions as (
    select * from {{ ref('stg_delivered__' ~ entity ~ '_versions') }}
),

touched as (
    select {{ columns }} from delivered_rows
    {%- if is_incremental() %}
    union
    -- what a row meant may have changed since: its former key is judged again as well
    select {{ columns }} from {{ this }}
    where delivery_id in ({{ deliveries_of_build() }})
    {%- else %}
    group by {{ columns }}
    {%- endif %}
),

compared as (
    select
        versions.*,
        lag(content_md5) over (partition by {{ columns }} order by delivery_id, row_number) as content_md5_before
    from versions
    where ({{ columns }}) in (select {{ columns }} from touched)
),

-- A row that repeats what was known keeps the earlier delivery as the one that brought it.
latest as (
    select distinct on ({{ columns }}) *
    from compared
    where content_md5 is distinct from content_md5_before
    order by {{ columns }}, delivery_id desc, row_number desc
)

select
    delivery_id,
    row_number,
    source_id,
    partition_date,
    {%- for field in contract['fields'] %}
    {{ field.name }},
    {%- endfor %}
    content_md5
from latest
{% endmacro %}
