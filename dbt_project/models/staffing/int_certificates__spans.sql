{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=["build_id is distinct from {{ audited_build_before() }}"],
        indexes=[{'columns': ['build_id', 'person_id', 'certificate_kind', 'first_date'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- depends_on: {{ source('ops', 'build') }}

with certificates as (
    select * from {{ ref('int_certificates__dated') }}
)

-- Days on which a person holds a valid certificate of a kind; certificates that overlap or follow are one stretch.
select
    {{ var('build_id') }} as build_id,
    spans.person_id,
    spans.certificate_kind,
    lower(stretch.days) as first_date,
    upper(stretch.days) as until_date
from (
    select
        person_id,
        certificate_kind,
        range_agg(daterange(first_date, until_date)) as days
    from certificates
    where first_date < until_date
    group by person_id, certificate_kind
) as spans
cross join lateral unnest(spans.days) as stretch (days)
