{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=['true'],
        indexes=[{'columns': ['source_id', 'source_ticket_id'], 'unique': true}],
    )
}}

{%- set sides = ['former', 'present'] %}

with touched as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets_after as (
    select * from {{ ref('int_tickets__measured') }}
),

tickets_before as (
    select * from {{ ref('int_tickets__before') }}
),

builds as (
    select * from {{ source('ops', 'build') }}
),

differing as (
    select
        touched.source_id,
        touched.source_ticket_id,
        coalesce(former.project_id, '') <> coalesce(present.project_id, '')
        or coalesce(former.service_item_id, '') <> coalesce(present.service_item_id, '')
        or coalesce(former.channel, '') <> coalesce(present.channel, '')
        or coalesce(former.status = 'cancelled', false) <> coalesce(present.status = 'cancelled', false) as is_moved,
        {%- for side in sides %}
        {{ side }}.opened_date as {{ side }}_opened_date,
        {{ side }}.due_date as {{ side }}_due_date,
        {{ side }}.closed_date as {{ side }}_closed_date,
        {{ waiting_until(side ~ '.') }} as {{ side }}_until_date{% if not loop.last %},{% endif %}
        {%- endfor %}
    from touched
    left join tickets_before as former
        on touched.source_id = former.source_id and touched.source_ticket_id = former.source_ticket_id
    left join tickets_after as present
        on touched.source_id = present.source_id and touched.source_ticket_id = present.source_ticket_id
    where
        {%- for column in ticket_columns() %}
        {% if not loop.first %}or {% endif %}former.{{ column }} is distinct from present.{{ column }}
        {%- endfor %}
),

-- The days on which a ticket counts: where it opens, falls due and closes, and while it waits.
counting as (
    select
        source_id,
        source_ticket_id,
        is_moved,
        {%- for side in sides %}
        {%- for moment in ['opened', 'due', 'closed', 'until'] %}
        case
            when {{ side }}_{{ moment }}_date is null then '{}'
            else datemultirange(daterange({{ side }}_{{ moment }}_date, {{ side }}_{{ moment }}_date, '[]'))
        end as {{ side }}_{{ moment }}_days,
        {%- endfor %}
        case
            when {{ side }}_until_date <= {{ side }}_opened_date or {{ side }}_opened_date is null then '{}'
            else datemultirange(daterange({{ side }}_opened_date, {{ side }}_until_date))
        end as {{ side }}_waiting_days,
        case
            when {{ side }}_until_date <= greatest({{ side }}_opened_date, {{ side }}_due_date)
                or {{ side }}_due_date is null then '{}'
            else datemultirange(
                daterange(greatest({{ side }}_opened_date, {{ side }}_due_date), {{ side }}_until_date)
            )
        end as {{ side }}_overdue_days{% if not loop.last %},{% endif %}
        {%- endfor %}
    from differing
),

affecting as (
    select
        source_id,
        source_ticket_id,
        {%- for side in sides %}
        {%- for moment in ['opened', 'due', 'closed', 'until'] %}
        {{ side }}_{{ moment }}_days +
        {%- endfor %}
        {%- endfor %}
        case
            when is_moved then former_waiting_days + present_waiting_days
            else
                (former_waiting_days - present_waiting_days) + (present_waiting_days - former_waiting_days)
                + (former_overdue_days - present_overdue_days) + (present_overdue_days - former_overdue_days)
        end as affected_days
    from counting
    {%- if is_incremental() %}
    union all
    -- what earlier builds changed and never brought to an end: the facts no longer show it
    select
        earlier.source_id,
        earlier.source_ticket_id,
        earlier.affected_days
    from {{ this }} as earlier
    inner join builds on earlier.build_id = builds.build_id
    where builds.status <> 'audited'
    {%- endif %}
)

select
    {{ var('build_id') }} as build_id,
    source_id,
    source_ticket_id,
    range_agg(affected_days) as affected_days
from affecting
group by source_id, source_ticket_id
