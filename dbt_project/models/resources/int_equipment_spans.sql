{{
    config(
        materialized='incremental',
        schema='intermediate',
        contract={'enforced': false},
        full_refresh=false,
        incremental_strategy='replace_scope',
        incremental_predicates=[
            "equipment_id in (select touched.equipment_id from {{ ref('int_equipment__touched') }} as touched)"
        ],
        indexes=[{'columns': ['equipment_id', 'begins_at'], 'unique': true}],
        post_hook='{% if not is_incremental() %}analyze {{ this }}{% endif %}',
    )
}}

with records as (
    select * from {{ ref('int_equipment_records') }}
),

touched as (
    select * from {{ ref('int_equipment__touched') }}
),

-- Whatever kind of record tells a state: the one begun last holds.
told as (
    select
        records.equipment_id,
        records.equipment_state,
        records.is_in_use,
        case
            when records.equipment_state in ('in_use', 'standby') then 'up'
            when records.equipment_state in ('down', 'under_repair') then 'down'
            when records.equipment_state = 'under_maintenance' then 'maintenance'
            else 'retired'
        end as condition,
        date_trunc('minute', records.started_at) as begins_at,
        date_trunc('minute', records.ended_at) as ends_at,
        date_trunc('minute', lead(records.started_at) over (
            partition by records.equipment_id
            order by
                records.started_at asc,
                records.source_id collate "C" asc,
                records.source_equipment_status_id collate "C" asc
        )) as next_at
    from records
    inner join touched on records.equipment_id = touched.equipment_id
    where records.equipment_state is not null
),

-- A down state that ends is followed by an up state; what follows on another one that ends is not known.
lasting as (
    select
        equipment_id,
        equipment_state,
        is_in_use,
        condition,
        begins_at,
        least(ends_at, next_at) as ends_at
    from told
    union all
    select
        equipment_id,
        null as equipment_state,
        null as is_in_use,
        'up' as condition,
        ends_at as begins_at,
        next_at as ends_at
    from told
    where condition in ('down', 'maintenance') and (next_at is null or ends_at < next_at)
),

joined as (
    select
        *,
        coalesce(lag(ends_at) over of_equipment = begins_at, false) as follows,
        lag(condition) over of_equipment as condition_before,
        coalesce(lead(begins_at) over of_equipment = ends_at and lead(condition) over of_equipment = 'up', false)
            as is_up_after
    from lasting
    where ends_at is null or begins_at < ends_at
    window of_equipment as (partition by equipment_id order by begins_at)
),

-- Stretches in which it is not up, without a break.
stretches as (
    select
        *,
        count(*) filter (
            where condition not in ('down', 'maintenance')
            or not follows
            or condition_before not in ('down', 'maintenance')
        ) over (partition by equipment_id order by begins_at) as stretch
    from joined
),

-- From the first fault in such a stretch on it is down, whatever is done to it meanwhile.
faults as (
    select
        *,
        min(begins_at) filter (where condition = 'down') over (
            partition by equipment_id, stretch order by begins_at
        ) as failed_at
    from stretches
)

select
    equipment_id,
    begins_at,
    ends_at,
    equipment_state,
    case when failed_at is not null then 'down' else condition end as condition,
    condition = 'up' and coalesce(is_in_use, equipment_state = 'in_use', false) as is_in_use,
    coalesce(begins_at = failed_at, false) as is_failure,
    case when is_up_after then {{ minutes_between('failed_at', 'ends_at') }} end as restoration_minutes
from faults
