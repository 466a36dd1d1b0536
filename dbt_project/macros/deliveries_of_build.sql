{#- The ids of the deliveries of one entity that this build takes on, as a sub-query. -#}
{% macro deliveries_of_build(entity) -%}
    select b.delivery_id
    from {{ source('ops', 'build_delivery') }} as b
    inner join {{ source('ops', 'delivery') }} as d on d.delivery_id = b.delivery_id
    where b.build_id = {{ var('build_id') }} and d.entity = '{{ entity }}'
{%- endmacro %}
