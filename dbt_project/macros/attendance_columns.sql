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


{#- What a month of attendance is counted by: whole numbers that add up over projects. -#}
{% macro attendance_figures() %}
    {%- set figures = [
        'days_due', 'days_present', 'days_on_leave', 'days_absent', 'late_shifts', 'late_minutes', 'early_shifts',
        'early_minutes', 'absent_shifts', 'unclear_shifts', 'planned_minutes', 'worked_minutes', 'leave_minutes',
        'overtime_minutes',
    ] -%}
    {%- for kind in overtime_kinds() %}{% do figures.append('overtime_' ~ kind ~ '_minutes') %}{% endfor -%}
    {{- return(figures) -}}
{% endmacro %}
