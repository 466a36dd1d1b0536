{#-
    What stands for a household wherever people read: HMAC-SHA-256 of its project and its id, 128 bits of it.

    salt: the one row of ops.household_salt.
-#}
{% macro household_key(project_id, household_id, salt) -%}
left(
    encode(
        sha256(
            {{ salt }}.outer_pad
            || sha256({{ salt }}.inner_pad || convert_to({{ project_id }} || chr(31) || {{ household_id }}, 'UTF8'))
        ), 'hex'
    ), 32
)
{%- endmacro %}
