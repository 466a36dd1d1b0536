{#-
    Which department holds a ticket at the end of each day: of a ticket with stays, that of the last stay begun by then;
    of any other, the one it was delivered with. Days before the first stay are those of the first.

    tickets: relation with source_id, source_ticket_id and department_id; spans: their stays.
    Rows: source_id, source_ticket_id, department_id ('' unknown), days (daterange).
-#}
{% macro ticket_holdings(tickets, spans) -%}
    select
        begun.source_id,
        begun.source_ticket_id,
        begun.department_id,
        daterange(
            case when begun.is_first then '-infinity' else begun.started_date end,
            lead(begun.started_date) over (
                partition by begun.source_id, begun.source_ticket_id order by begun.started_date
            )
        ) as days
    from (
        select distinct on (spans.source_id, spans.source_ticket_id, spans.started_date)
            spans.source_id,
            spans.source_ticket_id,
            spans.started_date,
            coalesce(spans.department_id, '') as department_id,
            spans.started_date = min(spans.started_date) over (
                partition by spans.source_id, spans.source_ticket_id
            ) as is_first
        from {{ spans }} as spans
        order by spans.source_id, spans.source_ticket_id, spans.started_date, spans.span_number desc
    ) as begun
    union all
    select
        tickets.source_id,
        tickets.source_ticket_id,
        coalesce(tickets.department_id, '') as department_id,
        daterange('-infinity', null) as days
    from {{ tickets }} as tickets
    where not exists (
        select 1 from {{ spans }} as spans
        where tickets.source_id = spans.source_id and tickets.source_ticket_id = spans.source_ticket_id
    )
{%- endmacro %}


{#- Bands of age of an open ticket, in days since it was opened: name and first age. -#}
{% macro age_bands() %}
    {{ return({'0_1': 0, '1_3': 1, '3_7': 3, '7_30': 7, '30_plus': 30}) }}
{% endmacro %}
