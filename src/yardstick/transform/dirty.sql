-- Deliveries that no audited build has covered.
select delivery_id from ops.delivery
where audited_build_id is null
order by delivery_id
