{#- The columns of a ticket's row in the facts, in order, and their types. -#}
{% macro ticket_columns() %}
    {{ return({
        'source_id': 'text',
        'source_ticket_id': 'text',
        'project_id': 'text',
        'service_item_id': 'text',
        'department_id': 'text',
        'team_id': 'text',
        'channel': 'text',
        'priority': 'text',
        'status': 'text',
        'opened_at': 'timestamptz',
        'opened_date': 'date',
        'due_at': 'timestamptz',
        'due_date': 'date',
        'first_response_at': 'timestamptz',
        'closed_at': 'timestamptz',
        'closed_date': 'date',
        'is_on_time': 'boolean',
        'is_closed_before_opened': 'boolean',
        'reopened_count': 'integer',
        'close_calendar_minutes': 'integer',
        'close_service_minutes': 'integer',
        'first_response_service_minutes': 'integer',
        'delivery_id': 'bigint',
        'row_number': 'integer',
    }) }}
{% endmacro %}
