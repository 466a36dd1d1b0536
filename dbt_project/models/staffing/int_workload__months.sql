{{ config(materialized='table', schema='intermediate', contract={'enforced': false}) }}

with affected as (
    select * from {{ ref('int_days__affected') }}
),

executions as (
    select * from {{ ref('stg_delivered__procedure_executions') }}
    where delivery_id in ({{ deliveries_of_build() }})
),

sources as (
    select * from {{ source('ops', 'source') }}
),

days as (
    select day from affected
    union
    select (executions.started_at at time zone sources.time_zone)::date as day
    from executions
    inner join sources on executions.source_id = sources.source_id
    where executions.started_at is not null
)

select distinct
    date_trunc('month', day)::date as month,
    (date_trunc('month', day) + interval '1 month')::date as next_month
from days
