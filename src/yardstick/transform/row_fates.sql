-- What became of every valid row, of any delivery, whose key the build's rows or a recounted delivery touch.
insert into row_fate
with touched as (
    select {staged_key} from {rows}
    union
    select {staged_key} from {versions}
    where delivery_id in (select delivery_id from recounted)
),

version as (
    select
        {staged_key},
        v.delivery_id,
        v.row_number,
        v.content_md5 = lag(v.content_md5) over (
            partition by {staged_key} order by v.delivery_id, v.row_number
        ) as is_repeat
    from {versions} as v
    inner join touched using ({staged_key})
)

select
    v.delivery_id,
    v.row_number,
    case
        when c.delivery_id = v.delivery_id and c.row_number = v.row_number then 'staged'
        when v.is_repeat then 'duplicate'
        else 'superseded'
    end
from version as v
-- By key: looked up by delivery, every row would read all the others of its delivery.
left join {current} as c using ({staged_key})
