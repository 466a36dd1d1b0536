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
{%- set span_columns = {
    'source_id': 'text', 'source_ticket_id': 'text', 'span_number': 'integer', 'department_id': 'text',
    'started_date': 'date',
} %}

with touched as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets_after as (
    select * from {{ ref('int_tickets__judged') }}
),

tickets_before as (
    select * from {{ ref('int_tickets__before') }}
),

spans_before as (
    {{ rows_before('marts', 'fct_ticket_span', span_columns) }}
),

builds as (
    select * from {{ source('ops', 'build') }}
),

former_tickets as (
    select tickets_before.*
    from tickets_before
    inner join touched
        on
            tickets_before.source_id = touched.source_id
            and tickets_before.source_ticket_id = touched.source_ticket_id
),

former_spans as (
    select spans_before.*
    from spans_before
    inner join touched
        on
            spans_before.source_id = touched.source_id
            and spans_before.source_ticket_id = touched.source_ticket_id
),

present_spans as (
    select * from {{ ref('int_ticket_spans') }}
),

{%- for side, tickets in {'former': 'former_tickets', 'present': 'tickets_after'}.items() %}

{{ side }}_holdings as (
    select
        source_id,
        source_ticket_id,
        department_id,
        range_agg(days) as days
    from (
        {{ ticket_holdings(tickets, side ~ '_spans') }}
    ) as holdings
    group by source_id, source_ticket_id, department_id
),
{%- endfor %}

-- Days on which another department holds a ticket than was known before, and the days after: it hands over on those.
held_by_others as (
    select
        coalesce(former_holdings.source_id, present_holdings.source_id) as source_id,
        coalesce(former_holdings.source_ticket_id, present_holdings.source_ticket_id) as source_ticket_id,
        range_agg(daterange(lower(differing.days), upper(differing.days), '[]')) as days
    from former_holdings
    full outer join present_holdings
        on
            former_holdings.source_id = present_holdings.source_id
            and former_holdings.source_ticket_id = present_holdings.source_ticket_id
            and former_holdings.department_id = present_holdings.department_id
    cross join
        unnest(
            (coalesce(former_holdings.days, '{}') - coalesce(present_holdings.days, '{}'))
            + (coalesce(present_holdings.days, '{}') - coalesce(former_holdings.days, '{}'))
        ) as differing (days)
    where former_holdings.days is distinct from present_holdings.days
    group by 1, 2
),

differing as (
    select
        touched.source_id,
        touched.source_ticket_id,
        coalesce(former.project_id, '') <> coalesce(present.project_id, '')
        or coalesce(former.service_item_id, '') <> coalesce(present.service_item_id, '')
        or coalesce(former.channel, '') <> coalesce(present.channel, '')
        or coalesce(former.status = 'cancelled', false) <> coalesce(present.status = 'cancelled', false)
        or former.opened_date <> present.opened_date as is_moved,
        case
            when former.project_id <> present.project_id
                then jsonb_build_array(former.project_id, present.project_id)
            else jsonb_build_array(coalesce(present.project_id, former.project_id))
        end as project_ids,
        coalesce(held_by_others.days, '{}') as held_days,
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
    left join held_by_others
        on
            touched.source_id = held_by_others.source_id
            and touched.source_ticket_id = held_by_others.source_ticket_id
    where
        held_by_others.days is not null
        {%- for column in ticket_columns() %}
        or former.{{ column }} is distinct from present.{{ column }}
        {%- endfor %}
),

-- The days on which a ticket counts: where it opens, falls due and closes, and while it waits.
counting as (
    select
        source_id,
        source_ticket_id,
        project_ids,
        is_moved,
        held_days,
        {%- for side in sides %}
        {%- for moment in ['opened', 'due', 'closed', 'until'] %}
        case
            when {{ side }}_{{ moment }}_date is null then '{}'
            else datemultirange(daterange({{ side }}_{{ moment }}_date, {{ side }}_{{ moment }}_date, '[]'))
        end as {{ side }}_{{ moment }}_days,
        {%- endfor %}
        case
            when {{ side }}_closed_date is null then '{}'
            else datemultirange(daterange({{ side }}_until_date, {{ side }}_until_date, '[]'))
        end as {{ side }}_gone_days,
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
        end as {{ side }}_overdue_days,
        case
            when {{ side }}_opened_date is null then '{}'
            else datemultirange(daterange({{ side }}_opened_date, {{ side }}_until_date, '[]'))
        end as {{ side }}_counted_days{% if not loop.last %},{% endif %}
        {%- endfor %}
    from differing
),

waiting as (
    select
        *,
        case
            when is_moved then former_counted_days + present_counted_days
            else
                held_days * (former_counted_days + present_counted_days)
                {%- for days in ['waiting_days', 'overdue_days', 'gone_days'] %}
                + (former_{{ days }} - present_{{ days }}) + (present_{{ days }} - former_{{ days }})
                {%- endfor %}
        end as backlog_days
    from counting
),

affecting as (
    select
        source_id,
        source_ticket_id,
        project_ids,
        {%- for side in sides %}
        {%- for moment in ['opened', 'due', 'closed', 'until'] %}
        {{ side }}_{{ moment }}_days +
        {%- endfor %}
        {%- endfor %}
        backlog_days as affected_days,
        backlog_days
    from waiting
    {%- if is_incremental() %}
    union all
    -- what earlier builds changed and never brought to an end: the facts no longer show it
    select
        earlier.source_id,
        earlier.source_ticket_id,
        earlier.project_ids,
        earlier.affected_days,
        earlier.backlog_days
    from {{ this }} as earlier
    inner join builds on earlier.build_id = builds.build_id
    where builds.status <> 'audited'
    {%- endif %}
)

select
    {{ var('build_id') }} as build_id,
    affecting.source_id,
    affecting.source_ticket_id,
    jsonb_agg(distinct projects.project_id) as project_ids,
    range_agg(affecting.affected_days) as affected_days,
    range_agg(affecting.backlog_days) as backlog_days
from affecting
cross join jsonb_array_elements_text(affecting.project_ids) as projects (project_id)
group by affecting.source_id, affecting.source_ticket_id
