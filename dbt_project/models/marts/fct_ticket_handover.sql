{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "(source_id, source_ticket_id) in (
                select touched.source_id, touched.source_ticket_id from {{ ref('int_tickets__touched') }} as touched
            )"
        ],
        indexes=[
            {'columns': ['source_id', 'source_ticket_id', 'handover_number'], 'unique': true},
            {'columns': ['handed_date']},
        ],
        meta={'days': ['handed_date']},
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_tickets__touched') }}

{%- set clocks = {'calendar': 'minute', 'service': 'position'} %}

with spans as (
    select
        *,
        count(*) filter (where entered_how in ('handed_over', 'returned')) over (
            partition by source_id, source_ticket_id order by span_number
        ) as run_number
    from {{ ref('int_ticket_spans') }}
),

-- One department's keeping of a ticket, from one handover to the next.
runs as (
    select
        source_id,
        source_ticket_id,
        run_number,
        min(department_id) as department_id,
        bool_or(entered_how = 'returned') as is_return,
        (array_agg(project_id order by span_number))[1] as project_id,
        (array_agg(service_item_id order by span_number))[1] as service_item_id,
        min(started_at) as started_at,
        min(started_date) as started_date,
        {%- for clock, part in clocks.items() %}
        case when count(*) = count(ended_minute) then sum({{ clock }}_minutes) end as held_{{ clock }}_minutes,
        case
            when count(*) = count({{ clock }}_minutes)
                then coalesce(sum({{ clock }}_minutes) filter (where waits_for = 'inside'), 0)
        end as waiting_{{ clock }}_minutes,
        coalesce(
            min(started_{{ part }}) filter (where status in ('in_progress', 'done', 'closed', 'cancelled')),
            case when count(*) = count(ended_minute) then max(ended_{{ part }}) end
        ) - min(started_{{ part }}) as until_begun_{{ clock }}_minutes{% if not loop.last %},{% endif %}
        {%- endfor %}
    from spans
    group by source_id, source_ticket_id, run_number
)

select
    taken.source_id,
    taken.source_ticket_id,
    taken.run_number::integer as handover_number,
    taken.project_id,
    taken.service_item_id,
    given.department_id as from_department_id,
    taken.department_id as to_department_id,
    taken.started_at as handed_at,
    taken.started_date as handed_date,
    taken.is_return,
    {%- for clock in clocks %}
    given.held_{{ clock }}_minutes::integer as from_held_{{ clock }}_minutes,
    given.waiting_{{ clock }}_minutes::integer as from_waiting_{{ clock }}_minutes,
    taken.until_begun_{{ clock }}_minutes::integer as to_waiting_{{ clock }}_minutes{% if not loop.last %},{% endif %}
    {%- endfor %}
from runs as taken
inner join runs as given
    on
        taken.source_id = given.source_id
        and taken.source_ticket_id = given.source_ticket_id
        and taken.run_number = given.run_number + 1
