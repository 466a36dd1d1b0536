select
    release_id,
    project_id,
    indicator,
    indicator_names,
    reform_part,
    unit,
    direction,
    numerator,
    denominator,
    value,
    value_low,
    value_high,
    floor_value,
    target_value,
    points,
    weight,
    weight_effective,
    is_sample_sufficient,
    minimum_sample,
    position,
    days_incomplete,
    sample_effective
from release.indicator
where release_id = any(%s)
order by position, indicator collate "C"
