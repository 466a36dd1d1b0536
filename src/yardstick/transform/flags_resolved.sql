-- Rows were kept with the remark that nobody had delivered what they name; now somebody has.
delete from ops.flag as f
using {rows} as r
where
    f.rule = 'unknown_{entity}'
    and f.value = r.{field}
    and f.entity || '.' || f.field = any(%(referring)s)
    {same_source}
    and r.problems = '[]'
returning f.delivery_id
