{#- What a contract's rule finds wrong between the fields of a row, or null. -#}
{% macro rule_problem(rule, alias='') -%}
    {%- set a = alias ~ '.' if alias else '' -%}
    {%- set field = rule['fields'][-1] -%}
    {%- set v = a ~ field -%}
    {%- set told = "'(personal)'" if rule.personal else v ~ '::text' -%}
    {%- if rule.kind == 'order' -%}
        {%- set earlier = rule['fields'][0] -%}
        {%- set reason = "format('" ~ field ~ ' %s is before ' ~ earlier ~ " %s', " ~ told ~ ', '
            ~ ("'(personal)'" if rule.personal else a ~ earlier) ~ ')' -%}
        case when {{ v }} < {{ a ~ earlier }} then {{ problem(field, told, rule.rule, reason) }} end
    {%- elif rule.kind == 'range' -%}
        {%- set low = a ~ rule.low if rule.low is string else rule.low -%}
        {%- set high = a ~ rule.high if rule.high is string else rule.high -%}
        {%- if rule.high is defined -%}
            {%- set reason = "format('" ~ field ~ " %s is not between %s and %s', " ~ told ~ ', ' ~ low ~ ', ' ~ high ~ ')' -%}
        {%- else -%}
            {%- set reason = "format('" ~ field ~ " %s is below %s', " ~ told ~ ', ' ~ low ~ ')' -%}
        {%- endif -%}
        case
            when {{ v }} < {{ low }}{% if rule.high is defined %} or {{ v }} > {{ high }}{% endif %}
                then {{ problem(field, told, rule.rule, reason) }}
        end
    {%- else -%}
        {%- set reason = "format('" ~ field ~ ' is empty, although ' ~ rule.when[0] ~ " is %s', " ~ a ~ rule.when[0] ~ ')' -%}
        case
            when {{ v }} is null and {{ a ~ rule.when[0] }} in ('{{ rule.when[1] | join("', '") }}')
                then {{ problem(field, 'null', rule.rule, reason) }}
        end
    {%- endif -%}
{%- endmacro %}


{#- Joins what a field's value must or should be found in; a key of several fields has it more than once. -#}
{% macro join_reference(field, reference, alias) -%}
    {%- set relation = ref(contract_of(reference.entity)['relation']) -%}
    {%- set target = 'of_' ~ field.name -%}
    {%- set columns = (['source_id'] if reference.per_source else []) + [reference.field] -%}
    left join {% if reference.is_whole_key -%}
        {{ relation }}
    {%- else -%}
        (select distinct {{ columns | join(', ') }} from {{ relation }})
    {%- endif %} as {{ target }}
        on {{ target }}.{{ reference.field }} = {{ alias }}.{{ field.name }}
        {%- if reference.per_source %} and {{ target }}.source_id = {{ alias }}.source_id{% endif %}
{%- endmacro %}


{#-
    What is wrong with a field's value that nobody has delivered, or null. Of what no source delivers at all,
    such as people where no personnel system is connected, a remark on every row would say nothing: `only_known`.
-#}
{% macro unknown_reference(field, reference, alias, only_known=false) -%}
    {%- set v = alias ~ '.' ~ field.name -%}
    {%- set reason = "format('no delivered " ~ reference.entity.replace('_', ' ') ~ " has the id \"%s\"', " ~ v ~ ')' -%}
    case
        when
            {{ v }} is not null and of_{{ field.name }}.{{ reference.field }} is null
            {%- if only_known %}
            and exists (select 1 from {{ ref(contract_of(reference.entity)['relation']) }})
            {%- endif %}
            then {{ problem(field.name, v, 'unknown_' ~ reference.entity, reason) }}
    end
{%- endmacro %}


{#- Rows of this build's deliveries of one entity that are kept but told, with what is odd about each. -#}
{% macro flagged_rows(entity) -%}
{%- set contract = contract_of(entity) -%}
{%- set told = contract['rules'] | selectattr('then', 'equalto', 'flag') | list -%}
{%- set referring = contract['fields'] | selectattr('refers_to', 'defined') | list -%}
select
    r.delivery_id,
    r.row_number,
    r.source_id,
    '{{ entity }}' as entity,
    r.partition_date,
    remark.told
from {{ ref('stg_delivered__' ~ entity ~ '_rows') }} as r
{%- for field in referring %}
{{ join_reference(field, field.refers_to, 'r') }}
{%- endfor %}
cross join lateral unnest(array[
    {%- for rule in told %}
    {{ rule_problem(rule, 'r') }}{% if not loop.last or referring %},{% endif %}
    {%- endfor %}
    {%- for field in referring %}
    {{ unknown_reference(field, field.refers_to, 'r', only_known=not field.refers_to.per_source) }}{% if not loop.last %},{% endif %}
    {%- endfor %}
]::jsonb []) as remark (told)
where r.problems = '[]' and remark.told is not null
{%- endmacro %}


{#- Entities this build has deliveries of; while parsing, all of them. -#}
{% macro entities_of_build() %}
    {%- if not execute -%}
        {{ return(contract_of().keys() | list) }}
    {%- endif -%}
    {%- set found = run_query(
        'select distinct d.entity from ' ~ source('ops', 'build_delivery') ~ ' as b inner join '
        ~ source('ops', 'delivery') ~ ' as d on d.delivery_id = b.delivery_id where b.build_id = '
        ~ var('build_id') ~ ' order by 1'
    ) -%}
    {{ return(found.columns[0].values() | select('in', contract_of()) | list) }}
{% endmacro %}
