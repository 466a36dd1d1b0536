{#-
    The rows of this build's deliveries of one entity, typed by the source's declared mapping, each with
    what is wrong with it. Where a field stands, its date format, codes and time zone are looked up once
    per arrival; a row is taken apart once and then only takes its cells by position.

    Every cast is tested before it is made. A row's problems are a JSON array of objects
    {field, value, rule, reason}; a row without problems is valid. Values of personal fields are never told.

    Steps are joined by hash: nothing is known yet of rows that landed a moment ago, and a planner that
    takes them for few would read them again for every delivery. `offset 0` keeps a step from being merged
    into the next, which would compute it once per use.
-#}
{% macro delivered_rows(entity) %}
{%- set contract = contract_of(entity) -%}
{{ config(
    materialized='table',
    tags=['entity:' ~ entity],
    pre_hook='set local enable_nestloop = off',
    post_hook='analyze {{ this }} (delivery_id, ' ~ contract['staged_key'] | join(', ') ~ ')',
) }}
{%- set fields = contract['fields'] -%}
{%- set key = contract['key'] -%}
{%- set refused = contract['rules'] | selectattr('then', 'equalto', 'reject') | list -%}
with built as materialized (
    select d.delivery_id, d.arrival_id, d.source_id, d.partition_date
    from {{ source('ops', 'delivery') }} as d
    where d.entity = '{{ entity }}' and d.delivery_id = any(array({{ deliveries_of_build() }}))
),

-- Stretches of neighbouring deliveries, so that history is read where they lie and nowhere else.
stretch as materialized (
    select min(delivery_id) as first_id, max(delivery_id) as last_id
    from (
        select delivery_id, count(*) filter (where is_far) over (order by delivery_id) as place
        from (
            select delivery_id, delivery_id - lag(delivery_id) over (order by delivery_id) > 256 as is_far
            from built
        ) as apart
    ) as placed
    group by place
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
        p.picture,
        p.parts,
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
    cross join lateral (
        {{ date_picture('f.format') }}
    ) as p
    where a.arrival_id = any(array(select b.arrival_id from built as b))
),

layout as materialized (
    select
        {%- for field in fields %}
        {%- set this_field = "filter (where field = '" ~ field.name ~ "')" %}
        min(positions[1]) {{ this_field }} as {{ field.name }}__at,
        min(positions) {{ this_field.replace(')', ' and cardinality(positions) > 1)') }} as {{ field.name }}__many,
        min(separator) {{ this_field }} as {{ field.name }}__separator,
        min(constant) {{ this_field }} as {{ field.name }}__constant,
        min(null_values) {{ this_field }} as {{ field.name }}__nulls,
        (array_agg(codes) {{ this_field }})[1] as {{ field.name }}__codes,
        coalesce(bool_or(is_open_code) {{ this_field }}, false) as {{ field.name }}__open,
        {%- if field.type in ('timestamp', 'date') %}
        min(pattern) {{ this_field }} as {{ field.name }}__pattern,
        min(template) {{ this_field }} as {{ field.name }}__template,
        min(format) {{ this_field }} as {{ field.name }}__format,
        min(picture) {{ this_field }} as {{ field.name }}__picture,
        min(parts) {{ this_field }} as {{ field.name }}__parts,
        bool_or(format like '%\%z%' or format = 'iso_offset') {{ this_field }} as {{ field.name }}__has_offset,
        min(time_zone) {{ this_field }} as {{ field.name }}__zone,
        {%- endif %}
        {%- endfor %}
        arrival_id
    from read_from
    group by arrival_id
),

split as (
    select
        r.delivery_id,
        r.row_number,
        r.problem_rule,
        r.problem_detail,
        string_to_array(r.cells, chr(31)) as cells
    from stretch as s
    inner join {{ source('raw', entity) }} as r on r.delivery_id between s.first_id and s.last_id
    offset 0
),

delivered as (
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
            when {{ f }}__constant is not null then {{ f }}__constant
            when {{ f }}__many is not null
                then (
                    select string_agg(nullif({{ trimmed('r.cells[c.at]') }}, ''), {{ f }}__separator order by c.place)
                    from unnest({{ f }}__many) with ordinality as c (at, place)
                )
            when {{ f }}__at is not null then {{ trimmed('r.cells[' ~ f ~ '__at]') }}
        end as {{ field.name }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from split as r
    inner join built as b on b.delivery_id = r.delivery_id
    left join layout as l on l.arrival_id = b.arrival_id
    offset 0
),

meant as (
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
        case when {{ v }} <> '' and {{ v }} <> all(coalesce({{ f }}__nulls, '{}')) then {{ v }} end
            as {{ field.name }}__text,
        {%- if field.required and field.since %}
        ({{ f }}__at is not null or {{ f }}__constant is not null) as {{ field.name }}__is_mapped,
        {%- endif %}
        {%- if field.type in ('timestamp', 'date') %}
        case
            when {{ v }} is null or {{ v }} = '' or {{ v }} = any({{ f }}__nulls) then null
            when {{ f }}__format = 'excel_serial' then {{ from_excel_serial(v) }}
            when {{ f }}__pattern is null
                then substring({{ v }}, '{{ iso_timestamp() }}')
            when {{ f }}__format in ('iso', 'iso_offset') then case when {{ v }} ~ {{ f }}__pattern then {{ v }} end
            when translate({{ v }}, '0123456789', '0000000000') like {{ f }}__picture
                then case when {{ v }} ~ {{ f }}__pattern then {{ by_picture(v, f ~ '__parts') }} end
            -- one look per value: what does not match comes back unchanged, what does begins with the sign
            when {{ v }} not like '=%'
                then substr(
                    nullif(
                        regexp_replace({{ v }}, {{ f }}__pattern, '=' || coalesce({{ f }}__template, '\&')), {{ v }}
                    ),
                    2
                )
        end as {{ field.name }},
        case
            when {{ f }}__pattern is null then {{ v }} ~ ':.*(?:Z|[+-]\d\d(?::?\d\d)?)$'
            else {{ f }}__has_offset
        end as {{ field.name }}__has_offset,
        {{ f }}__zone as {{ field.name }}__zone,
        {{ f }}__format as {{ field.name }}__format
        {%- else %}
        {%- set meant -%}
        coalesce(
            {{ f }}__codes ->> coalesce({{ v }}, ''),
            case
                when {{ v }} = '' or {{ v }} = any({{ f }}__nulls) then null
                when {{ f }}__codes is null or {{ f }}__open then {{ v }}
            end
            {%- if field.default %},
            case when {{ v }} is null or {{ v }} = '' or {{ v }} = any({{ f }}__nulls) then '{{ field.default }}' end
            {%- endif %}
        )
        {%- endset %}
        {{ plain_number(meant, field.unit) if field.unit else meant }} as {{ field.name }}
        {%- endif %}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from delivered as d
    left join layout as l on l.arrival_id = d.arrival_id
    offset 0
),

typed as (
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
            -- what was wrong with it before what is personal in it was removed
            when problem_rule = 'as_judged' then problem_detail::jsonb
            when problem_rule is not null
                then jsonb_build_array(jsonb_build_object('rule', problem_rule, 'reason', problem_detail))
            else to_jsonb(array_remove(array[
                {%- for field in fields %}
                {{ field_problem(field) }}{% if not loop.last %},{% endif %}
                {%- endfor %}
            ]::jsonb [], null))
        end as problems
    from meant
    offset 0
),

hashed as materialized (
    select
        delivery_id,
        arrival_id,
        source_id,
        partition_date,
        row_number,
        {%- for field in fields %}
        {{ field.name }},
        {%- endfor %}
        {%- if refused %}
        case
            when problems <> '[]' then problems
            else to_jsonb(array_remove(array[
                {%- for rule in refused %}
                {{ rule_problem(rule) }}{% if not loop.last %},{% endif %}
                {%- endfor %}
            ]::jsonb [], null))
        end as problems,
        {%- else %}
        problems,
        {%- endif %}
        -- a field that a later version of the contract added changes no hash while it is empty
        md5(row(
            {%- for field in fields if not field.since %}{{ field.name }}{% if not loop.last %}, {% endif %}{% endfor -%}
        )::text
            {%- for field in fields if field.since %}
            {{ '|| concat(' if loop.first else ', ' }}',{{ field.name }}=' || {{ field.name }}::text
            {%- if loop.last %}){% endif %}{% endfor -%}
        ) as content_md5
    from typed
),

-- The same key twice in one file with different content: nobody can say which is right.
conflicting as (
    select arrival_id, {{ key | join(', ') }}
    from hashed
    where problems = '[]'
    group by arrival_id, {{ key | join(', ') }}
    having min(content_md5) <> max(content_md5)
)

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
        case when c.arrival_id is not null and h.problems = '[]'
            then {{ problem(key | join(', '), row_key(key, 'h'), 'key_conflict',
                "format('%s stands more than once in the file, with different content', " ~ row_key(key, 'h') ~ ')') }}
        end
        {%- for field in fields if field.references %},
        {{ unknown_reference(field, field.references, 'h') }}
        {%- endfor %}
    ]::jsonb [], null)) as problems
from hashed as h
left join conflicting as c
    on c.arrival_id = h.arrival_id{% for name in key %} and c.{{ name }} = h.{{ name }}{% endfor %}
{%- for field in fields if field.references %}
{{ join_reference(field, field.references, 'h') }}
{%- endfor %}
{% endmacro %}


{#- White space around a cell is not content; no-break and full-width spaces are white space too. -#}
{% macro trimmed(cell) -%}
    btrim({{ cell }}, E' \t\r\n\u00a0\u3000')
{%- endmacro %}


{#- ISO 8601, the only form taken without a declared one. -#}
{% macro iso_timestamp() -%}
    ^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?$
{%- endmacro %}


{#-
    Where the parts of a date stand in a format of fixed width, and what a value of that width looks like with
    every digit as 0. Taking a value apart by position costs a fifth of doing it by the groups of a regular
    expression; a value that is not padded, or a format with %y, %f or %z, goes by the expression.
-#}
{% macro date_picture(format) -%}
    {%- set picture = namespace(sql='w.wide') -%}
    {%- for part in ['m', 'd', 'H', 'I', 'M', 'S'] -%}
        {%- set picture.sql = "replace(" ~ picture.sql ~ ", '%" ~ part ~ "', '00')" -%}
    {%- endfor -%}
    select
        case
            when w.wide ~ '%Y' and w.wide ~ '%d' and w.wide !~ '%[yfz]|\\'
                then replace(replace(replace({{ picture.sql }}, '%YYY', '0000'), '%bb', '___'), '%p', '__')
        end as picture,
        array[
            strpos(w.wide, '%Y'),
            greatest(strpos(w.wide, '%m'), strpos(w.wide, '%bb')),
            case when strpos(w.wide, '%bb') > 0 then 3 else 2 end,
            strpos(w.wide, '%d'),
            greatest(strpos(w.wide, '%H'), strpos(w.wide, '%I')),
            strpos(w.wide, '%M'),
            strpos(w.wide, '%S'),
            strpos(w.wide, '%p')
        ] as parts
    from (select replace(replace({{ format }}, '%Y', '%YYY'), '%b', '%bb') as wide) as w
{%- endmacro %}


{% macro by_picture(value, parts) -%}
    concat(
        substr({{ value }}, {{ parts }}[1], 4), '-', substr({{ value }}, {{ parts }}[2], {{ parts }}[3]), '-',
        substr({{ value }}, {{ parts }}[4], 2),
        case when {{ parts }}[5] > 0 then ' ' || substr({{ value }}, {{ parts }}[5], 2) || ':' end,
        case
            when {{ parts }}[6] > 0 then substr({{ value }}, {{ parts }}[6], 2)
            when {{ parts }}[5] > 0 then '00'
        end,
        case when {{ parts }}[7] > 0 then ':' || substr({{ value }}, {{ parts }}[7], 2) end,
        case when {{ parts }}[8] > 0 then ' ' || substr({{ value }}, {{ parts }}[8], 2) end
    )
{%- endmacro %}


{#-
    The moment a spreadsheet's serial number stands for, to the second: days since 30 December 1899. Day 60 is
    29 February 1900, which never was, and those before it are one off: they are no dates.
-#}
{% macro from_excel_serial(value) -%}
    case
        when {{ value }} ~ '^\d{2,7}(\.\d{1,20})?$' and {{ value }}::numeric >= 61 and {{ value }}::numeric < 2958465
            then (timestamp '1899-12-30' + round({{ value }}::numeric * 86400) * interval '1 second')::text
    end
{%- endmacro %}


{#-
    A number as people write it, made plain: full-width characters (by NFKC), commas between groups of three
    digits, and the sign of the field's own unit. A decimal comma is not read: "1,5" stays what it is and is
    a reject.
-#}
{% macro plain_number(value, unit) -%}
    {%- set sign = {'CNY': '[¥元]', 'percent': '%'}.get(unit) -%}
    {%- set normal = "translate(normalize(given.value, nfkc), '−', '-')" -%}
    {%- if sign -%}
    {%- set normal = 'regexp_replace(' ~ normal ~ ", '^" ~ sign ~ '\\s*|\\s*' ~ sign ~ "$', '')" -%}
    {%- endif -%}
    (
        select case
            when given.value ~ '^[+-]?\d+(\.\d+)?$' then given.value
            when normal.value ~ '^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$' then replace(normal.value, ',', '')
            else normal.value
        end
        from (select {{ value }} as value limit 1) as given
        cross join lateral (select {{ normal }} as value) as normal
    )
{%- endmacro %}


{% macro typed_value(field) -%}
    {%- set v = field.name -%}
    {%- if field.type in ('timestamp', 'date') -%}
        {%- set as_date = '::date' if field.type == 'date' else '' -%}
        case
            when not pg_input_is_valid({{ v }}, 'timestamptz') then null
            when {{ v }}__has_offset
                then {{ '(' ~ v ~ '::timestamptz at time zone ' ~ v ~ '__zone)::date' if as_date else v ~ '::timestamptz' }}
            else {{ v }}::timestamp{{ '::date' if as_date else ' at time zone ' ~ v ~ '__zone' }}
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


{#- One thing that is wrong with a row. -#}
{% macro problem(field, value, rule, reason) -%}
    jsonb_build_object('field', '{{ field }}', 'value', {{ value }}, 'rule', '{{ rule }}', 'reason', {{ reason }})
{%- endmacro %}


{#- What is wrong with one field of one row, or null. -#}
{% macro field_problem(field) -%}
    {%- set v = field.name -%}
    {%- set told = "'(personal)'" if field.personal else 'left(' ~ v ~ '__text, 200)' -%}
    case
        when {{ v }}__text is null and {{ v }} is null
            then {% if not field.required -%}
                null
            {%- elif field.since -%}
                case when {{ v }}__is_mapped then {{ problem(v, 'null', 'required_missing', "'" ~ v ~ " is empty'") }} end
            {%- else -%}
                {{ problem(v, 'null', 'required_missing', "'" ~ v ~ " is empty'") }}
            {%- endif %}
        {%- if field.type in ('timestamp', 'date') %}
        when {{ v }} is null or not pg_input_is_valid({{ v }}, 'timestamptz')
            then {{ problem(v, told, field.type ~ '_unreadable',
                "format('\"%s\" is not a date in the declared format %s', " ~ told ~ ", coalesce(" ~ v ~ "__format, 'iso'))"
            ) }}
        {%- else %}
        when {{ v }} is null
            then {{ problem(v, told, 'unknown_code', "format('\"%s\" is not among the codes of " ~ v ~ "', " ~ told ~ ')') }}
        {%- endif %}
        {%- if field.type in ('integer', 'numeric', 'boolean') %}
        {%- set word = {'integer': 'a whole number', 'numeric': 'a number', 'boolean': 'true or false'}[field.type] %}
        when ({{ typed_value(field) }}) is null
            then {{ problem(v, told, 'boolean_unreadable' if field.type == 'boolean' else 'number_unreadable',
                "format('\"%s\" is not " ~ word ~ "', " ~ told ~ ')') }}
        {%- endif %}
        {%- if field.vocabulary %}
        when {{ v }} not in ('{{ field.vocabulary | join("', '") }}')
            then {{ problem(v, told, 'unknown_code',
                "format('\"%s\" is not one of " ~ field.vocabulary | join(', ') ~ "', " ~ told ~ ')') }}
        {%- endif %}
    end
{%- endmacro %}


{#- The values of a row's key as a person reads them. -#}
{% macro row_key(key, alias) -%}
    concat_ws(' · '{% for name in key %}, {{ alias }}.{{ name }}::text{% endfor %})
{%- endmacro %}
