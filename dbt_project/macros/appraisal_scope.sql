{#- The days whose figures are to be computed (again): those whose facts this build changed, and those that
    were computed under another content of the standards in force, or not yet. One probe per day: all rows
    of a day carry the same fingerprint. -#}
{% macro days_to_figure(measures) -%}
    select affected.day
    from {{ ref('int_days__affected') }} as affected
    union
    select spine.day::date
    from (select min(counted.day) as first_day, max(counted.day) as last_day from {{ measures }} as counted) as span
    cross join generate_series(span.first_day, span.last_day, interval '1 day') as spine (day)
    left join {{ ref('int_standards__in_force') }} as in_force
        on spine.day >= in_force.effective_from and spine.day < in_force.effective_until
    where in_force.standards_sha256 is distinct from (
        select computed.standards_sha256 from {{ this }} as computed where computed.day = spine.day::date limit 1
    )
{%- endmacro %}

{#- The rows of the period that is being appraised. -#}
{% macro is_this_period() -%}
    period_kind = {{ var('period_kind') }} and period = {{ var('period') }}
{%- endmacro %}
