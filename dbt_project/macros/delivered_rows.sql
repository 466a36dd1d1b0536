{#-
    The rows of this build's deliveries of one entity, typed by the source's declared mapping, each with
    what is wrong with it. Where a field stands, its date format, codes and time zone are looked up once
    per arrival; a row then only takes its cells by position.

    Every cast is tested before it is made. A row's problems are a JSON array of objects
    {field, value, rule, reason}; a row without problems is valid. Values of personal fields are never told.
-#}
{% macro delivered_rows(entity) %}
{%- set fields = contract_fields(entity) -%}
{%- set key = (fields | selectattr('key', 'defined') | list)[0].name -%}
with built as (
    select d.delivery_id, d.arrival_id, d.source_id, d.partition_date
    from {{ source('ops', 'delivery') }} as d
    where d.entity = '{{ entity }}' and d.delivery_id in ({{ deliveries_of_build() }})
),

read_from as (
    select
        a.arrival_id,
        f.field,
        f.separator,
        f.constant,
        f.format,
        f.pattern,
        f.template,
        f.null_values,
        f.is_coded,
        f.is_open_code,
        coalesce(f.time_zone, s.time_zone) as time_zone,
        (
            select array_agg(array_position(a.header, c.name) order by c.place)
            from unnest(f.source_columns) with ordinality as c (name, place)
        ) as positions,
        case
            when f.is_coded
                then coalesce((
                    select jsonb_object_agg(c.source_value, c.code)
                    from {{ source('ops', 'source_code') }} as c
                    where c.source_id = f.source_id and c.entity = f.entity and c.field = f.field
                ), '{}')
        end as codes
    from {{ source('ops', 'arrival') }} as a
    inner join {{ source('ops', 'source') }} as s on s.source_id = a.source_id
    inner join {{ source('ops', 'source_field') }} as f on f.source_id = a.source_id and f.entity = a.entity
    where a.arrival_id in (select b.arrival_id from built as b)
),

layout as materialized (
    select
        {%- for field in fields %}
        {%- set this_field = "filter (where field = '" ~ field.name ~ "')" %}
        min(positions[1]) {{ this_field }} as {{ field.name }}_at,
        min(positions) {{ this_field.replace(')', ' and cardinality(positions) > 1)') }} as {{ field.name }}_many,
        min(separator) {{ this_field }} as {{ field.name }}_separator,
        min(constant) {{ this_field }} as {{ field.name }}_constant,
        min(null_values) {{ this_field }} as {{ field.name }}_nulls,
        (array_agg(codes) {{ this_field }})[1] as {{ field.name }}_codes,
        coalesce(bool_or(is_open_code) {{ this_field }}, false) as {{ field.name }}_open,
        {%- if field.type == 'timestamp' %}
        min(pattern) {{ this_field }} as {{ field.name }}_pattern,
        min(template) {{ this_field }} as {{ field.name }}_template,
        min(format) {{ this_field }} as {{ field.name }}_format,
        min(time_zone) {{ this_field }} as {{ field.name }}_zone,
        {%- endif %}
        {%- endfor %}
        arrival_id
    from read_from
    group by arrival_id
),

-- Taken apart once per row, not once per field: offset 0 keeps it from being merged into what reads it.
split as (
    select
        r.delivery_id,
        r.row_number,
        r.problem_rule,
        r.problem_detail,
        string_to_array(r.cells, chr(31)) as cells
    from {{ source('raw', entity) }} as r
    where r.delivery_id in (select b.delivery_id from built as b)
    offset 0
),

delivered as materialized (
    select
        b.delivery_id,
        b.arrival_id,
        b.source_id,
        b.partition_date,
        r.row_number,
        r.problem_rule,
        r.problem_detail,
        {%- for field in fields %}
        {%- set f = 'l.' ~ field.name %}
        case
            when {{ f }}_constant is not null then {{ f }}_constant
            when {{ f }}_many is not null
                then (
                    select string_agg(nullif({{ trimmed('r.cells[c.at]') }}, ''), {{ f }}_separator order by c.place)
                    from unnest({{ f }}_many) with ordinality as c (at, place)
                )
            else {{ trimmed('r.cells[' ~ f ~ '_at]') }}
        end as {{ field.name }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from split as r
    inner join built as b on b.delivery_id = r.delivery_id
    left join layout as l on l.arrival_id = b.arrival_id
),

meant as materialized (
    select
        d.delivery_id,
        d.arrival_id,
        d.source_id,
        d.partition_date,
        d.row_number,
        d.problem_rule,
        d.problem_detail,
        {%- for field in fields %}
        {%- set f = 'l.' ~ field.name %}
        {%- set v = 'd.' ~ field.name %}
        {%- set meant %}coalesce(
            {{ f }}_codes ->> coalesce({{ v }}, ''),
            case when {{ v }} = '' or {{ v }} = any({{ f }}_nulls) then null
                when {{ f }}_codes is null or {{ f }}_open then {{ v }} end
            {%- if field.default %},
            case when {{ v }} is null or {{ v }} = '' or {{ v }} = any({{ f }}_nulls) then '{{ field.default }}' end
            {%- endif %}
        )
        {%- endset %}
        {%- if field.type == 'timestamp' %}
        case when {{ v }} <> '' and {{ v }} <> all(coalesce({{ f }}_nulls, '{}')) then {{ v }} end as {{ field.name }}_text,
        case
            when {{ v }} = '' or {{ v }} = any({{ f }}_nulls) then null
            when {{ f }}_pattern is null
                then substring({{ v }}, '{{ iso_timestamp() }}')
            -- one look per value: what does not match comes back unchanged, what does begins with the sign
            when {{ v }} not like '=%'
                then substr(
                    nullif(
                        regexp_replace({{ v }}, {{ f }}_pattern, '=' || coalesce({{ f }}_template, '\&')), {{ v }}
                    ),
                    2
                )
        end as {{ field.name }},
        {{ f }}_zone as {{ field.name }}_zone,
        {{ f }}_format as {{ field.name }}_format
        {%- else %}
        case when {{ v }} <> '' and {{ v }} <> all(coalesce({{ f }}_nulls, '{}')) then {{ v }} end as {{ field.name }}_text,
        {{ meant }} as {{ field.name }}
        {%- endif %}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from delivered as d
    left join layout as l on l.arrival_id = d.arrival_id
),

typed as materialized (
    select
        delivery_id,
        arrival_id,
        source_id,
        partition_date,
        row_number,
        {%- for field in fields %}
        {{ typed_value(field) }} as {{ field.name }},
        {%- endfor %}
        case
            when problem_rule is not null
                then jsonb_build_array(jsonb_build_object('rule', problem_rule, 'reason', problem_detail))
            else to_jsonb(array_remove(array[
                {%- for field in fields %}
                {{ field_problem(field) }}{% if not loop.last %},{% endif %}
                {%- endfor %}
            ]::jsonb [], null))
        end as problems
    from meant
),

hashed as materialized (
    select
        *,
        md5(row(
            {%- for field in fields %}{{ field.name }}{% if not loop.last %}, {% endif %}{% endfor -%}
        )::text) as content_md5
    from typed
),

-- The same key twice in one file with different content: nobody can say which is right.
conflicting as (
    select arrival_id, {{ key }}
    from hashed
    where problems = '[]'
    group by arrival_id, {{ key }}
    having min(content_md5) <> max(content_md5)
),

judged as (
    select
        h.delivery_id,
        h.row_number,
        h.arrival_id,
        h.source_id,
        h.partition_date,
        {%- for field in fields %}
        h.{{ field.name }},
        {%- endfor %}
        h.content_md5,
        h.problems || to_jsonb(array_remove(array[
            case when c.{{ key }} is not null and h.problems = '[]'
                then jsonb_build_object(
                    'field', '{{ key }}', 'value', h.{{ key }}, 'rule', 'key_conflict',
                    'reason', format('%s stands more than once in the file, with different content', h.{{ key }})
                ) end
            {%- for field in fields if field.references %},
            case when h.{{ field.name }} is not null and {{ field.references }}.{{ field.references }}_id is null
                then jsonb_build_object(
                    'field', '{{ field.name }}', 'value', h.{{ field.name }}, 'rule', 'unknown_{{ field.references }}',
                    'reason', format('no delivered {{ field.references.replace('_', ' ') }} has the id "%s"', h.{{ field.name }})
                ) end
            {%- endfor %}
        ]::jsonb [], null)) as problems
    from hashed as h
    left join conflicting as c on c.arrival_id = h.arrival_id and c.{{ key }} = h.{{ key }}
    {%- for field in fields if field.references %}
    left join {{ ref('stg_delivered__' ~ field.references ~ 's') }} as {{ field.references }}
        on {{ field.references }}.{{ field.references }}_id = h.{{ field.name }}
    {%- endfor %}
)

select * from judged
{% endmacro %}


{#- White space around a cell is not content; no-break and full-width spaces are white space too. -#}
{% macro trimmed(cell) -%}
    btrim({{ cell }}, E' \t\r\n\u00a0\u3000')
{%- endmacro %}


{#- ISO 8601, the only form taken without a declared one. -#}
{% macro iso_timestamp() -%}
    ^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?$
{%- endmacro %}


{% macro typed_value(field) -%}
    {%- set v = field.name -%}
    {%- if field.type == 'timestamp' -%}
        case
            when not pg_input_is_valid({{ v }}, 'timestamptz') then null
            when {{ v }} ~ '(?:Z|[+-]\d\d(?::?\d\d)?)$' and {{ v }} ~ ':' then {{ v }}::timestamptz
            else {{ v }}::timestamp at time zone {{ v }}_zone
        end
    {%- elif field.type == 'integer' -%}
        case when {{ v }} ~ '^[+-]?\d+$' and pg_input_is_valid({{ v }}, 'integer') then {{ v }}::integer end
    {%- elif field.type == 'numeric' -%}
        case
            when {{ v }} ~ '^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$' and pg_input_is_valid({{ v }}, 'numeric')
                then {{ v }}::numeric
        end
    {%- elif field.type == 'boolean' -%}
        case when pg_input_is_valid({{ v }}, 'boolean') then {{ v }}::boolean end
    {%- else -%}
        {{ v }}
    {%- endif -%}
{%- endmacro %}


{#- What is wrong with one field of one row, or null. -#}
{% macro field_problem(field) -%}
    {%- set v = field.name -%}
    {%- set told = "'(personal)'" if field.personal else 'left(' ~ v ~ '_text, 200)' -%}
    case
        when {{ v }}_text is null and {{ v }} is null
            then {% if field.required -%}
                jsonb_build_object(
                    'field', '{{ v }}', 'value', null, 'rule', 'required_missing', 'reason', '{{ v }} is empty'
                )
            {%- else %}null{% endif %}
        {%- if field.type == 'timestamp' %}
        when {{ v }} is null or not pg_input_is_valid({{ v }}, 'timestamptz')
            then jsonb_build_object(
                'field', '{{ v }}', 'value', {{ told }}, 'rule', 'timestamp_unreadable',
                'reason', format(
                    '"%s" is not a date in the declared format %s', {{ told }}, coalesce({{ v }}_format, 'iso')
                )
            )
        {%- else %}
        when {{ v }} is null
            then jsonb_build_object(
                'field', '{{ v }}', 'value', {{ told }}, 'rule', 'unknown_code',
                'reason', format('"%s" is not among the codes of {{ v }}', {{ told }})
            )
        {%- endif %}
        {%- if field.type in ('integer', 'numeric', 'boolean') %}
        when ({{ typed_value(field) }}) is null
            then jsonb_build_object(
                'field', '{{ v }}', 'value', {{ told }},
                'rule', '{{ 'boolean_unreadable' if field.type == 'boolean' else 'number_unreadable' }}',
                'reason', format('"%s" is not {{ {'integer': 'a whole number', 'numeric': 'a number', 'boolean': 'true or false'}[field.type] }}', {{ told }})
            )
        {%- endif %}
        {%- if field.vocabulary %}
        when {{ v }} not in ('{{ field.vocabulary | join("', '") }}')
            then jsonb_build_object(
                'field', '{{ v }}', 'value', {{ told }}, 'rule', 'unknown_code',
                'reason', format('"%s" is not one of {{ field.vocabulary | join(", ") }}', {{ told }})
            )
        {%- endif %}
    end
{%- endmacro %}
