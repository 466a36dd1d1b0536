{#-
    The day a ticket stops waiting, null while it waits: the day it was closed, never before the day it was
    opened. A closed or cancelled ticket without a closing time never waits.
-#}
{% macro waiting_until(ticket) -%}
    case
        when {{ ticket }}closed_date is not null then greatest({{ ticket }}closed_date, {{ ticket }}opened_date)
        when {{ ticket }}status <> 'open' then {{ ticket }}opened_date
    end
{%- endmacro %}
