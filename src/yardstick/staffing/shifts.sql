select
    starts_time,
    ends_time,
    coalesce(shift_code, '') as shift_code,
    shifts_on_duty
from marts.fct_shift_monthly
where (month, project_id, post_function) = (%(month)s, %(project)s, %(function)s)
order by shifts_planned desc, starts_time, ends_time
