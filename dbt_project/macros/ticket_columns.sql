{#- The columns of a ticket's row in the facts, in order, and their types. -#}
{% macro ticket_columns() %}
    {%- set columns = {
        'source_id': 'text',
        'source_ticket_id': 'text',
        'project_id': 'text',
        'service_item_id': 'text',
        'department_id': 'text',
        'team_id': 'text',
        'channel': 'text',
        'priority': 'text',
        'status': 'text',
        'is_emergency': 'boolean',
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
    } -%}
    {%- for measure in measures_to_a_moment() + measures_of_stays() + ['reply_waiting'] -%}
        {%- do columns.update({measure ~ '_calendar_minutes': 'integer', measure ~ '_service_minutes': 'integer'}) -%}
    {%- endfor -%}
    {%- do columns.update({
        'approval_waiting_by_level': 'jsonb',
        'touches': 'integer',
        'answers': 'integer',
        'owner_messages': 'integer',
        'assignments': 'integer',
        'people_involved': 'integer',
        'reopenings': 'integer',
        'handovers': 'integer',
        'returns': 'integer',
        'departments_involved': 'integer',
        'is_first_contact_resolved': 'boolean',
        'is_within_authority': 'boolean',
        'called_back_at': 'timestamptz',
        'is_called_back': 'boolean',
        'is_called_back_on_time': 'boolean',
        'rating': 'integer',
        'longest_silence_calendar_minutes': 'integer',
        'silence_began_at': 'timestamptz',
        'silence_department_id': 'text',
        'last_mark_at': 'timestamptz',
        'delivery_id': 'bigint',
        'row_number': 'integer',
    }) -%}
    {{ return(columns) }}
{% endmacro %}


{#- Minutes from opening to a moment of a ticket. -#}
{% macro measures_to_a_moment() %}
    {{ return(['acknowledge', 'first_response', 'attend', 'assign', 'first_resolution']) }}
{% endmacro %}


{#- Minutes of a ticket's stays, by what they are spent on. -#}
{% macro measures_of_stays() %}
    {{ return(['work', 'owner_waiting', 'internal_waiting', 'outside_waiting', 'resting', 'approval_waiting']) }}
{% endmacro %}
