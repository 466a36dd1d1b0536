-- What the figures of a period were made of: the tickets it touches, and all master data.
select distinct delivery_id from marts.fct_ticket
where opened_date <= %(end)s
    and (closed_date is null or closed_date >= %(start)s or opened_date >= %(start)s or due_date >= %(start)s)
union
select delivery_id from ops.delivery
where entity <> 'ticket' and audited_build_id is not null
order by delivery_id
