{#-
    What stands for a household wherever people read: HMAC-SHA-256 of its project and its id, 128 bits of it.

    An id that has outlived its retention is its key already (docs/decisions/0032).

    salt: the one row of ops.household_salt.
-#}
{% macro household_key(project_id, household_id, salt) -%}
case
    when {{ household_id }} like 'household-key:%' then substr({{ household_id }}, 15)
    else left(
        encode(
            sha256(
                {{ salt }}.outer_pad
                || sha256({{ salt }}.inner_pad || convert_to({{ project_id }} || chr(31) || {{ household_id }}, 'UTF8'))
            ), 'hex'
        ), 32
    )
end
{%- endmacro %}
