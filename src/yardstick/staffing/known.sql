select
    s.month,
    s.month + interval '1 month' <= (select max(d.day) + 1 from publish.day as d) as is_whole,
    array_agg(distinct s.post_function) filter (where s.project_id = %(project)s and s.post_function <> '') as functions
from marts.fct_staffing_hourly as s
group by s.month
order by s.month
