{{ config(materialized='view', schema='intermediate', contract={'enforced': false}) }}

with complaints as (
    select * from {{ ref('fct_complaint') }}
    where status <> 'withdrawn'
),

sources as (
    select * from {{ source('ops', 'source') }}
),

horizons as (
    select * from {{ ref('int_sources__entity_horizons') }}
    where entity = 'complaint'
),

-- What is not answered has waited until the end of the last day that is known.
known as (
    select
        complaints.*,
        horizons.horizon_date,
        (horizons.horizon_date + 1)::timestamp at time zone sources.time_zone as known_until
    from complaints
    inner join sources on complaints.source_id = sources.source_id
    inner join horizons on complaints.source_id = horizons.source_id
)

select
    source_id,
    source_complaint_id,
    project_id,
    severity,
    status,
    received_date,
    horizon_date,
    answered_at is not null as is_answered,
    settled_at is not null as is_settled,
    round(
        (extract(epoch from coalesce(answered_at, known_until) - received_at) / 3600)::numeric, 2
    ) as hours_to_answer,
    round(
        (extract(epoch from coalesce(settled_at, known_until) - received_at) / 3600)::numeric, 2
    ) as hours_to_settle
from known
where received_at < known_until
