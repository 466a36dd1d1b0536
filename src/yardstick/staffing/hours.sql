select
    mod(s.hour_of_week, 24) as hour_of_day,
    sum(s.tickets_opened)::float as tickets,
    sum(s.tickets_handled)::float as tickets_handled,
    sum(s.handling_minutes)::float as handling_minutes,
    sum(s.on_duty_minutes)::float as on_duty_minutes,
    sum(s.understaffed_hours)::integer as understaffed_hours
from marts.fct_staffing_hourly as s
where (s.month, s.project_id, s.post_function) = (%(month)s, %(project)s, %(function)s)
group by 1
