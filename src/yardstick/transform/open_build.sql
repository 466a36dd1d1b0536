-- A build that is still called running was killed: only one builds at a time.
with given_up as (
    update ops.build set status = 'failed', detail = 'ended without a word', finished_at = now()
    where status = 'running'
),

opened as (
    insert into ops.build (run_id, status, stage, first_day, last_day)
    select %(run_id)s, 'running', 'plan', min(partition_date), max(partition_date) from ops.delivery
    where delivery_id = any(%(ids)s::bigint [])
    returning build_id, first_day, last_day
),

reopened as (
    update ops.delivery set audited_build_id = null
    where delivery_id = any(%(ids)s::bigint []) and audited_build_id is not null
),

taken as (
    insert into ops.build_delivery (build_id, delivery_id)
    select build_id, unnest(%(ids)s::bigint []) from opened
)

select build_id, first_day, last_day from opened
