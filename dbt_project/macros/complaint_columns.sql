{#- The columns of a complaint that are its own, in order, and their types. -#}
{% macro complaint_columns() %}
    {{ return({
        'source_id': 'text',
        'source_complaint_id': 'text',
        'source_ticket_id': 'text',
        'project_id': 'text',
        'service_item_id': 'text',
        'household_key': 'text',
        'channel': 'text',
        'complaint_kind': 'text',
        'severity': 'text',
        'status': 'text',
        'received_at': 'timestamptz',
        'received_date': 'date',
        'acknowledged_at': 'timestamptz',
        'replied_at': 'timestamptz',
        'answered_at': 'timestamptz',
        'due_at': 'timestamptz',
        'due_date': 'date',
        'resolved_at': 'timestamptz',
        'settled_at': 'timestamptz',
        'settled_date': 'date',
        'closed_at': 'timestamptz',
        'closed_date': 'date',
        'is_on_time': 'boolean',
        'acknowledge_calendar_minutes': 'integer',
        'acknowledge_service_minutes': 'integer',
        'reply_calendar_minutes': 'integer',
        'reply_service_minutes': 'integer',
        'resolve_calendar_minutes': 'integer',
        'resolve_service_minutes': 'integer',
        'close_calendar_minutes': 'integer',
        'close_service_minutes': 'integer',
        'is_escalated': 'boolean',
        'escalation_level': 'text',
        'escalated_at': 'timestamptz',
        'is_upheld': 'boolean',
        'rating': 'integer',
        'is_called_back': 'boolean',
        'called_back_at': 'timestamptz',
        'source_call_back_id': 'text',
        'call_back_delivery_id': 'bigint',
        'department_id': 'text',
        'accountable_post_id': 'text',
        'handler_person_id': 'text',
        'delivery_id': 'bigint',
        'row_number': 'integer',
    }) }}
{% endmacro %}


{#- What a complaint is among those of the same household about the same thing, and the types. -#}
{% macro complaint_repeat_columns() %}
    {{ return({
        'is_repeat': 'boolean',
        'repeats': 'integer',
        'repeat_of_source_id': 'text',
        'repeat_of': 'text',
        'days_since_previous': 'integer',
    }) }}
{% endmacro %}
