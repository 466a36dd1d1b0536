{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "household_key in (
                select touched.household_key from {{ ref('int_households__touched') }} as touched
            )"
        ],
        indexes=[
            {'columns': ['kind', 'source_id', 'source_subject_id'], 'unique': true},
            {'columns': ['household_key']},
            {'columns': ['happened_date']},
        ],
        meta={'days': ['happened_date']},
        post_hook=note_days_when_new(),
    )
}}

-- No figure counts these rows: their days are read anew by readers, not computed anew.
-- depends_on: {{ ref('int_days__affected') }}

with households as (
    select * from {{ ref('int_households__touched') }}
),

touched_tickets as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets as (
    select * from {{ ref('int_tickets__households') }}
),

complaints as (
    select * from {{ ref('fct_complaint') }}
),

events as (
    select
        tickets.household_key,
        'ticket' as kind,
        tickets.source_id,
        tickets.source_ticket_id as source_subject_id,
        tickets.project_id,
        tickets.service_item_id,
        null as complaint_kind,
        tickets.happened_at,
        tickets.happened_date,
        null::boolean as is_repeat
    from tickets
    inner join households on tickets.household_key = households.household_key
    union all
    select
        complaints.household_key,
        'complaint' as kind,
        complaints.source_id,
        complaints.source_complaint_id as source_subject_id,
        complaints.project_id,
        complaints.service_item_id,
        complaints.complaint_kind,
        complaints.received_at as happened_at,
        complaints.received_date as happened_date,
        complaints.is_repeat
    from complaints
    inner join households on complaints.household_key = households.household_key
    {%- if is_incremental() %}
    union all
    -- tickets of these households that are not touched themselves
    select
        earlier.household_key,
        earlier.kind,
        earlier.source_id,
        earlier.source_subject_id,
        earlier.project_id,
        earlier.service_item_id,
        earlier.complaint_kind,
        earlier.happened_at,
        earlier.happened_date,
        earlier.is_repeat
    from {{ this }} as earlier
    inner join households on earlier.household_key = households.household_key
    left join touched_tickets
        on
            earlier.source_id = touched_tickets.source_id
            and earlier.source_subject_id = touched_tickets.source_ticket_id
    where earlier.kind = 'ticket' and touched_tickets.source_ticket_id is null
    {%- endif %}
)

-- A complaint that came with a ticket comes after it.
select
    household_key,
    kind,
    source_id,
    source_subject_id,
    project_id,
    service_item_id,
    complaint_kind,
    happened_at,
    happened_date,
    is_repeat,
    (count(*) filter (where kind = 'ticket') over so_far)::integer as tickets,
    (count(*) filter (where kind = 'complaint') over so_far)::integer as complaints,
    (count(*) filter (where is_repeat) over so_far)::integer as repeats
from events
window so_far as (
    partition by household_key
    order by happened_at asc, kind desc, source_id asc, source_subject_id asc
    rows between unbounded preceding and current row
)
