select
    release_id,
    project_id,
    project_names,
    region,
    project_grade,
    score,
    score_low,
    score_high,
    rank,
    rank_low,
    rank_high,
    grade,
    coefficient,
    weight_measured,
    tickets_opened,
    tickets_closed,
    is_vetoed
from release.score
where release_id = any(%s)
