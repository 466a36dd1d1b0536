{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "month in (select affected.month from {{ ref('int_understaffing__months') }} as affected)"
        ],
        indexes=[
            {'columns': ['month', 'span_months', 'clock', 'project_id', 'post_function'], 'unique': true},
        ],
        meta={'days': ['month']},
        pre_hook='set local enable_nestloop = off',
        post_hook=note_days_when_new(),
    )
}}

-- depends_on: {{ ref('int_understaffing__months') }}

{#- Tickets are alike when these are the same. -#}
{%- set alike = ['month', 'clock', 'project_id', 'post_function', 'service_item_id', 'is_workday', 'day_part'] -%}
{%- set told = ['month', 'span_months', 'clock', 'project_id', 'post_function'] %}

with scope as (
    select * from {{ ref('int_understaffing__months') }}
    where comparable_months is not null
),

sources as (
    select * from {{ source('ops', 'source') }}
),

labour_days as (
    select * from {{ source('ops', 'labour_day') }}
),

items as (
    select * from {{ ref('dim_service_item') }}
),

-- Not materialised, both: what is asked of history is asked by day.
understaffed as not materialized (
    select * from {{ ref('fct_understaffed_hour') }}
),

tickets as not materialized (
    select * from {{ ref('fct_ticket') }}
),

opened as (
    select
        scope.month,
        scope.comparable_months,
        tickets.project_id,
        items.item_function as post_function,
        tickets.service_item_id,
        tickets.opened_date,
        tickets.opened_date >= scope.month as is_of_month,
        tickets.opened_at at time zone sources.time_zone as opened_at,
        tickets.first_response_calendar_minutes as calendar_minutes,
        tickets.first_response_service_minutes as service_minutes
    from scope
    inner join tickets on scope.first_month <= tickets.opened_date and scope.next_month > tickets.opened_date
    inner join sources on tickets.source_id = sources.source_id
    inner join items on tickets.service_item_id = items.service_item_id
    where items.item_function is not null
),

answered as materialized (
    select
        opened.month,
        opened.comparable_months,
        clocks.clock,
        opened.project_id,
        opened.post_function,
        opened.service_item_id,
        -- where nobody says what the law makes of a day, the weekend is Saturday and Sunday
        coalesce(labour_days.day_kind = 'workday', date_part('isodow', opened.opened_at) < 6) as is_workday,
        -- night, morning, afternoon, evening
        date_part('hour', opened.opened_at)::integer / 6 as day_part,
        opened.opened_date,
        opened.is_of_month,
        understaffed.day is not null as is_understaffed,
        clocks.minutes::numeric as minutes
    from opened
    cross join lateral (
        values ('calendar', opened.calendar_minutes), ('service', opened.service_minutes)
    ) as clocks (clock, minutes)
    left join labour_days on opened.opened_date = labour_days.day
    left join understaffed
        on
            opened.project_id = understaffed.project_id
            and opened.post_function = understaffed.post_function
            and opened.opened_at::date = understaffed.day
            and date_part('hour', opened.opened_at)::integer = understaffed.hour_of_day
    where clocks.minutes >= 0
),

-- What is usual: one ticket alone says nothing of how much such tickets differ.
comparables as (
    select
        {{ alike | join(', ') }},
        count(*) as tickets,
        avg(minutes) as usual_minutes
    from answered
    where not is_understaffed
    group by {{ alike | join(', ') }}
    having count(*) > 1
),

-- Each ticket opened in an under-staffed hour beside what is usual; of the month, and of all months.
slowed as (
    select
        {%- for column in alike %}
        answered.{{ column }},
        {%- endfor %}
        spans.span_months,
        answered.opened_date,
        answered.minutes,
        comparables.usual_minutes
    from answered
    cross join lateral (
        values (1, answered.is_of_month), (answered.comparable_months, true)
    ) as spans (span_months, is_within)
    left join comparables
        on
            {%- for column in alike %}
            {{ 'and ' if not loop.first }}answered.{{ column }} = comparables.{{ column }}
            {%- endfor %}
    where answered.is_understaffed and spans.is_within
),

summed as (
    select
        {{ told | join(', ') }},
        count(*) as tickets,
        count(usual_minutes) as tickets_compared,
        count(distinct opened_date) filter (where usual_minutes is not null) as days_compared,
        avg(minutes) filter (where usual_minutes is not null) as response_minutes,
        avg(usual_minutes) as usual_minutes,
        avg(minutes - usual_minutes) as extra_minutes
    from slowed
    group by {{ told | join(', ') }}
),

strata as (
    select
        {%- for column in alike %}
        {{ column }},
        {%- endfor %}
        span_months,
        count(*) as tickets
    from slowed
    where usual_minutes is not null
    group by {{ alike | join(', ') }}, span_months
),

-- How much each ticket moves the mean: its own deviation, and that of a comparable one by its share in what is usual.
moves as (
    select
        {%- for column in told %}
        slowed.{{ column }},
        {%- endfor %}
        slowed.opened_date,
        (slowed.minutes - slowed.usual_minutes - summed.extra_minutes) / summed.tickets_compared as minutes
    from slowed
    inner join summed
        on
            {%- for column in told %}
            {{ 'and ' if not loop.first }}slowed.{{ column }} = summed.{{ column }}
            {%- endfor %}
    where slowed.usual_minutes is not null
    union all
    select
        {%- for column in told %}
        summed.{{ column }},
        {%- endfor %}
        answered.opened_date,
        (comparables.usual_minutes - answered.minutes) * strata.tickets / summed.tickets_compared
        / sqrt(comparables.tickets::numeric * (comparables.tickets - 1)) as minutes
    from strata
    inner join summed
        on
            {%- for column in told %}
            {{ 'and ' if not loop.first }}strata.{{ column }} = summed.{{ column }}
            {%- endfor %}
    inner join comparables
        on
            {%- for column in alike %}
            {{ 'and ' if not loop.first }}strata.{{ column }} = comparables.{{ column }}
            {%- endfor %}
    inner join answered
        on
            {%- for column in alike %}
            {{ 'and ' if not loop.first }}strata.{{ column }} = answered.{{ column }}
            {%- endfor %}
            and not answered.is_understaffed
),

-- Tickets of one day are slow together: what counts is how days differ.
days as (
    select
        {{ told | join(', ') }},
        opened_date,
        sum(minutes) as minutes
    from moves
    group by {{ told | join(', ') }}, opened_date
),

errors as (
    select
        {{ told | join(', ') }},
        sqrt(sum(minutes * minutes) * count(*) / nullif(count(*) - 1, 0)) as standard_error_minutes
    from days
    group by {{ told | join(', ') }}
)

select
    {%- for column in told %}
    summed.{{ column }},
    {%- endfor %}
    summed.tickets::integer as tickets,
    summed.tickets_compared::integer as tickets_compared,
    summed.days_compared::integer as days_compared,
    summed.response_minutes,
    summed.usual_minutes,
    summed.extra_minutes,
    errors.standard_error_minutes,
    case
        when summed.days_compared >= scope.minimum_days
            then summed.extra_minutes - scope.confidence_z * errors.standard_error_minutes
    end as extra_low_minutes,
    case
        when summed.days_compared >= scope.minimum_days
            then summed.extra_minutes + scope.confidence_z * errors.standard_error_minutes
    end as extra_high_minutes
from summed
inner join scope on summed.month = scope.month
left join errors
    on
        {%- for column in told %}
        {{ 'and ' if not loop.first }}summed.{{ column }} = errors.{{ column }}
        {%- endfor %}
