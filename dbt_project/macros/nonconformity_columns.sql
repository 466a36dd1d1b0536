{#- The columns of a delivered non-conformity, in order, and their types. -#}
{% macro nonconformity_columns() %}
    {{ return({
        'nonconformity_id': 'text',
        'origin': 'text',
        'source_kind': 'text',
        'source_id': 'text',
        'source_nonconformity_id': 'text',
        'source_inspection_item_id': 'text',
        'project_id': 'text',
        'standard_code': 'text',
        'location': 'text',
        'severity': 'text',
        'status': 'text',
        'found_at': 'timestamptz',
        'found_date': 'date',
        'assigned_at': 'timestamptz',
        'due_at': 'timestamptz',
        'due_date': 'date',
        'rectified_at': 'timestamptz',
        'rectified_date': 'date',
        'reinspected_at': 'timestamptz',
        'reinspection_result': 'text',
        'closed_at': 'timestamptz',
        'closed_date': 'date',
        'is_overdue': 'boolean',
        'is_rectified_on_time': 'boolean',
        'accountable_post_id': 'text',
        'accountable_person_id': 'text',
        'department_id': 'text',
        'delivery_id': 'bigint',
        'row_number': 'integer',
    }) }}
{% endmacro %}


{#- Of findings: those that the horizon of what their source delivers of them has reached. -#}
{% macro finding_horizons() -%}
    select
        horizons.source_id,
        entities.origin,
        max(horizons.horizon_date) as horizon_date
    from {{ ref('int_sources__entity_horizons') }} as horizons
    inner join (
        values
        ('inspection_item', 'inspection'),
        ('rectification', 'inspection'),
        ('takeover_finding', 'takeover'),
        ('fit_out_finding', 'fit_out')
    ) as entities (entity, origin)
        on horizons.entity = entities.entity
    group by horizons.source_id, entities.origin
{%- endmacro %}
