{{ config(materialized='view', schema='intermediate', contract={'enforced': false}) }}

with certificates as (
    select * from {{ ref('stg_delivered__certificates') }}
),

versions as (
    select * from {{ ref('stg_delivered__certificate_versions') }}
),

last_valid as (
    select
        source_id,
        source_certificate_id,
        max(delivery_id) as delivery_id
    from versions
    where coalesce(status, 'valid') = 'valid'
    group by source_id, source_certificate_id
),

-- Since when a certificate is suspended or revoked nobody delivers: since it was first told.
withdrawn as (
    select
        versions.source_id,
        versions.source_certificate_id,
        min(versions.partition_date) as withdrawn_date
    from versions
    left join last_valid
        on
            versions.source_id = last_valid.source_id
            and versions.source_certificate_id = last_valid.source_certificate_id
    where
        versions.status in ('suspended', 'revoked')
        and (last_valid.delivery_id is null or versions.delivery_id > last_valid.delivery_id)
    group by versions.source_id, versions.source_certificate_id
)

select
    certificates.*,
    case when certificates.status <> 'valid' then withdrawn.withdrawn_date end as withdrawn_date,
    coalesce(certificates.valid_from, certificates.issued_date, '-infinity'::date) as first_date,
    least(
        coalesce(certificates.valid_to + 1, 'infinity'),
        case when certificates.status <> 'valid' then coalesce(withdrawn.withdrawn_date, '-infinity') end
    ) as until_date
from certificates
left join withdrawn
    on
        certificates.source_id = withdrawn.source_id
        and certificates.source_certificate_id = withdrawn.source_certificate_id
