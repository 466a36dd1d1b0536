{#-
    The fields of an entity as expectations/contracts/ declares them; a test holds the two together.
    `type` text, integer, numeric, timestamp or boolean; `key` and `references` name what identifies a row.
-#}
{% macro contract_fields(entity) %}
    {%- set contracts = {
        'project': [
            {'name': 'project_id', 'required': true, 'key': true},
            {'name': 'project_name_zh'},
            {'name': 'project_name_en', 'required': true},
            {'name': 'region'},
            {'name': 'city'},
            {'name': 'project_grade', 'required': true, 'vocabulary': ['A', 'B', 'C']},
            {'name': 'project_type', 'vocabulary': ['residential', 'commercial', 'office', 'municipal']},
            {'name': 'area_m2', 'type': 'numeric'},
            {'name': 'households', 'type': 'integer'},
            {'name': 'manager_person_id'},
            {'name': 'manager_name', 'personal': true},
            {'name': 'is_appraised', 'type': 'boolean', 'default': 'true'},
        ],
        'service_item': [
            {'name': 'service_item_id', 'required': true, 'key': true},
            {'name': 'service_item_name_zh'},
            {'name': 'service_item_name_en', 'required': true},
            {'name': 'service_group_id'},
            {'name': 'service_group_name_zh'},
            {'name': 'service_group_name_en'},
            {
                'name': 'reform_part',
                'vocabulary': ['organisation', 'service_centre', 'procedures', 'quality', 'resources']
            },
        ],
        'org_unit': [
            {'name': 'org_unit_id', 'required': true, 'key': true},
            {'name': 'org_unit_name_zh'},
            {'name': 'org_unit_name_en', 'required': true},
            {'name': 'parent_org_unit_id'},
            {'name': 'unit_kind', 'vocabulary': ['headquarters', 'region', 'project', 'department', 'team']},
        ],
        'ticket': [
            {'name': 'source_ticket_id', 'required': true, 'key': true},
            {'name': 'opened_at', 'type': 'timestamp', 'required': true},
            {'name': 'due_at', 'type': 'timestamp'},
            {'name': 'first_response_at', 'type': 'timestamp'},
            {'name': 'closed_at', 'type': 'timestamp'},
            {'name': 'status', 'required': true, 'vocabulary': ['open', 'closed', 'cancelled']},
            {'name': 'project_id', 'required': true, 'references': 'project'},
            {'name': 'service_item_id', 'required': true, 'references': 'service_item'},
            {'name': 'department_id'},
            {'name': 'team_id'},
            {'name': 'channel', 'vocabulary': ['phone', 'app', 'web', 'staff', 'front_desk', 'system', 'other']},
            {'name': 'priority'},
            {'name': 'reopened_count', 'type': 'integer'},
            {'name': 'title', 'personal': true},
            {'name': 'closure_note', 'personal': true},
        ],
    } -%}
    {{ return(contracts[entity]) }}
{% endmacro %}
