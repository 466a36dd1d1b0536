{{
    config(
        materialized='table',
        indexes=[{'columns': ['source_id', 'source_complaint_id'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

{%- set told = complaint_repeat_columns() %}

with delivered as (
    select * from {{ ref('int_complaints__delivered') }}
),

touched as (
    select * from {{ ref('int_complaints__touched') }}
),

-- Not materialised: what is asked of history is asked by key.
before as not materialized (
    {{ rows_before('marts', 'fct_complaint', dict(complaint_columns(), **complaint_repeat_columns())) }}
),

in_force as (
    select * from {{ ref('int_standards__in_force') }}
),

-- Households of what is touched, as it was and as it is.
households as (
    select household_key
    from delivered
    where household_key is not null
    union
    select before.household_key
    from before
    inner join touched
        on
            before.source_id = touched.source_id
            and before.source_complaint_id = touched.source_complaint_id
    where before.household_key is not null
),

members as (
    select
        source_id,
        source_complaint_id,
        household_key,
        service_item_id,
        complaint_kind,
        status,
        received_at,
        received_date,
        true as is_delivered,
        {%- for column, type in told.items() %}
        null::{{ type }} as {{ column }}_before{% if not loop.last %},{% endif %}
        {%- endfor %}
    from delivered
    union all
    select
        before.source_id,
        before.source_complaint_id,
        before.household_key,
        before.service_item_id,
        before.complaint_kind,
        before.status,
        before.received_at,
        before.received_date,
        false as is_delivered,
        {%- for column in told %}
        before.{{ column }} as {{ column }}_before{% if not loop.last %},{% endif %}
        {%- endfor %}
    from households
    inner join before on households.household_key = before.household_key
    left join touched
        on
            before.source_id = touched.source_id
            and before.source_complaint_id = touched.source_complaint_id
    where touched.source_complaint_id is null
),

-- What it is about: its service item, else its kind. What is withdrawn repeats nothing, and nothing repeats it.
comparable as (
    select
        members.source_id,
        members.source_complaint_id,
        members.household_key,
        members.received_at,
        members.received_date,
        coalesce('item ' || members.service_item_id, 'kind ' || members.complaint_kind) as thing,
        in_force.complaint_repeat_within_days as within_days
    from members
    left join in_force
        on
            members.received_date >= in_force.effective_from
            and members.received_date < in_force.effective_until
    where members.household_key is not null and members.status <> 'withdrawn'
),

preceded as (
    select
        *,
        lag(source_id) over same_thing as previous_source_id,
        lag(source_complaint_id) over same_thing as previous_complaint_id,
        lag(received_date) over same_thing as previous_date,
        row_number() over same_thing - 1 as earlier
    from comparable
    where thing is not null
    window same_thing as (
        partition by household_key, thing order by received_at, source_id, source_complaint_id
    )
),

-- Of the earlier ones, those that are too long ago: counted up to the last day that is.
days as (
    select
        household_key,
        thing,
        received_date as day,
        1 as complaints,
        null as source_id,
        null as source_complaint_id
    from preceded
    union all
    select
        household_key,
        thing,
        received_date - within_days as day,
        0 as complaints,
        source_id,
        source_complaint_id
    from preceded
    where within_days is not null
),

passed as (
    select
        *,
        coalesce(sum(complaints) over (
            partition by household_key, thing order by day
            range between unbounded preceding and interval '1 day' preceding
        ), 0) as long_ago
    from days
),

judged as (
    select
        preceded.source_id,
        preceded.source_complaint_id,
        (preceded.earlier - passed.long_ago)::integer as repeats,
        preceded.previous_source_id,
        preceded.previous_complaint_id,
        case
            when preceded.previous_date is not null
                then greatest(preceded.received_date - preceded.previous_date, 0)
        end as days_since_previous
    from preceded
    left join passed
        on
            preceded.source_id = passed.source_id
            and preceded.source_complaint_id = passed.source_complaint_id
),

compared as (
    select
        members.*,
        judged.repeats > 0 as is_repeat,
        judged.repeats,
        case when judged.repeats > 0 then judged.previous_source_id end as repeat_of_source_id,
        case when judged.repeats > 0 then judged.previous_complaint_id end as repeat_of,
        judged.days_since_previous
    from members
    left join judged
        on
            members.source_id = judged.source_id
            and members.source_complaint_id = judged.source_complaint_id
)

select
    source_id,
    source_complaint_id,
    is_delivered,
    {%- for column in told %}
    {{ column }}{% if not loop.last %},{% endif %}
    {%- endfor %}
from compared
where
    is_delivered
    {%- for column in told %}
    or {{ column }} is distinct from {{ column }}_before
    {%- endfor %}
