{#- The columns of attendance that are asked for before it is rewritten, and their types. -#}
{% macro attendance_before() %}
    {{ return({
        'attendance_id': 'text',
        'source_id': 'text',
        'rostered_person_id': 'text',
        'shift_date': 'date',
        'ends_date': 'date',
        'status': 'text',
    }) }}
{% endmacro %}


{#- Kinds of overtime, which the law pays differently. -#}
{% macro overtime_kinds() %}
    {{- return(['workday', 'rest_day', 'public_holiday']) -}}
{% endmacro %}
