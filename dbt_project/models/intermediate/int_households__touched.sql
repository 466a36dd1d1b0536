{{
    config(
        materialized='table',
        indexes=[{'columns': ['household_key'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

{%- set told = ['household_key', 'project_id', 'service_item_id', 'happened_at'] %}

with touched_tickets as (
    select * from {{ ref('int_tickets__touched') }}
),

tickets as (
    select * from {{ ref('int_tickets__households') }}
),

complaints as (
    select * from {{ ref('int_complaints__delivered') }}
),

touched_complaints as (
    select * from {{ ref('int_complaints__touched') }}
),

-- Not materialised: what is asked of history is asked by key.
before as not materialized (
    {{ rows_before('marts', 'fct_household_history', {
        'household_key': 'text', 'kind': 'text', 'source_id': 'text', 'source_subject_id': 'text',
        'project_id': 'text', 'service_item_id': 'text', 'happened_at': 'timestamptz',
    }) }}
),

tickets_before as (
    select before.*
    from before
    inner join touched_tickets
        on
            before.kind = 'ticket'
            and before.source_id = touched_tickets.source_id
            and before.source_subject_id = touched_tickets.source_ticket_id
),

-- Most of what happens to a ticket is nothing to its household's history.
changed_tickets as (
    select
        present.household_key as present_key,
        former.household_key as former_key
    from tickets as present
    full outer join tickets_before as former
        on
            present.source_id = former.source_id
            and present.source_ticket_id = former.source_subject_id
    where
        {%- for column in told %}
        {% if not loop.first %}or {% endif %}present.{{ column }} is distinct from former.{{ column }}
        {%- endfor %}
)

select present_key as household_key
from changed_tickets
where present_key is not null
union
select former_key as household_key
from changed_tickets
where former_key is not null
union
select household_key
from complaints
where household_key is not null
union
-- whose they were
select before.household_key
from before
inner join touched_complaints
    on
        before.kind = 'complaint'
        and before.source_id = touched_complaints.source_id
        and before.source_subject_id = touched_complaints.source_complaint_id
