{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['source_id', 'source_ticket_id'], 'unique': true}],
    )
}}

with delivered_rows as (
    select * from {{ ref('stg_delivered__ticket_rows') }}
),

tickets_before as (
    select * from {{ ref('int_tickets__before') }}
),

service_changed as (
    select * from {{ ref('int_tickets__service_changed') }}
),

sla_changed as (
    select * from {{ ref('int_tickets__sla_changed') }}
),

told_of_before as (
    select * from {{ source('ops', 'build_ticket') }}
),

touched as (
    select
        source_id,
        source_ticket_id
    from delivered_rows
    where source_ticket_id is not null and delivery_id in ({{ deliveries_of_build() }})
    union
    -- a row may mean something else now: the ticket it used to be is looked at as well
    select
        source_id,
        source_ticket_id
    from tickets_before
    where delivery_id in ({{ deliveries_of_build() }})
    union
    -- the service hours of its days are others now
    select
        source_id,
        source_ticket_id
    from service_changed
    union
    -- what is promised of it, or what it is promised for, is something else now
    select
        source_id,
        source_ticket_id
    from sla_changed
    {%- for entity in told_of_tickets() %}
    {%- set key = contract_of(entity)['staged_key'] | join(', ') %}
    union
    -- what is told of it is told anew, or of another ticket from now on
    select
        source_id,
        source_ticket_id
    from {{ ref('stg_delivered__' ~ entity ~ '_versions') }}
    where
        source_ticket_id is not null
        and ({{ key }}) in (
            select {{ key }}
            from {{ ref('stg_delivered__' ~ entity ~ '_rows') }}
            where delivery_id in ({{ deliveries_of_build() }})
        )
    {%- endfor %}
    union
    select
        source_id,
        source_ticket_id
    from told_of_before
    where build_id = {{ var('build_id') }}
    {{- left_over(['source_id', 'source_ticket_id']) }}
)

select
    {{ var('build_id') }} as build_id,
    source_id,
    source_ticket_id
from touched
