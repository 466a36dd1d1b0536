-- Files that came before the cut-off, and those of whose rows something was removed.
select a.file_sha256
from ops.arrival as a
where a.status <> 'unchanged'
group by a.file_sha256
having min(a.arrived_at) < %(cut_off)s
union
select a.file_sha256
from ops.arrival as a
inner join ops.delivery as d on a.arrival_id = d.arrival_id
inner join ops.blanked_delivery as b on d.delivery_id = b.delivery_id
where b.rows > 0
