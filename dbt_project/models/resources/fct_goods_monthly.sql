{{
    config(
        materialized='table',
        indexes=[{'columns': ['month', 'project_id', 'equipment_id'], 'unique': true}],
    )
}}

{#- A row for each kind of goods, project and month: few, and a count changes every month after it. -#}

with movements as (
    select
        *,
        case
            when movement_kind in ('received', 'returned') then quantity
            when movement_kind in ('issued', 'written_off') then -quantity
            else 0
        end as change
    from {{ ref('stg_delivered__goods_movements') }}
),

equipment as (
    select * from {{ ref('dim_equipment') }}
),

horizons as (
    select * from {{ ref('int_sources__entity_horizons') }}
    where entity = 'goods_movement'
),

-- From the first movement of a kind of goods to the last month of which anything is known.
spine as (
    select
        begun.project_id,
        begun.equipment_id,
        of_known.month::date as month,
        (of_known.month + interval '1 month')::date as next_month
    from (
        select
            project_id,
            equipment_id,
            min(moved_date) as first_date
        from movements
        group by project_id, equipment_id
    ) as begun
    cross join (
        select max(horizon_date) as last_date
        from horizons
    ) as known
    cross join lateral generate_series(
        date_trunc('month', begun.first_date::timestamp), known.last_date::timestamp, interval '1 month'
    ) as of_known (month)
),

so_far as (
    select
        spine.month,
        spine.next_month,
        spine.month <= movements.moved_date as is_of_month,
        movements.*,
        coalesce(
            movements.replace_due_date,
            (
                movements.moved_date
                + make_interval(months => round(12 * equipment.service_life_years)::integer)
            )::date
        ) as due_date,
        max(movements.moved_date) filter (where movements.movement_kind = 'counted') over (
            partition by spine.project_id, spine.equipment_id, spine.month
        ) as counted_date
    from spine
    inner join movements
        on
            spine.project_id = movements.project_id
            and spine.equipment_id = movements.equipment_id
            and spine.next_month > movements.moved_date
    inner join equipment on spine.equipment_id = equipment.equipment_id
),

-- What stands in store: what was counted last, at the end of its day, and what came in and went out since.
stored as (
    select
        month,
        project_id,
        equipment_id,
        {%- for kind in ['received', 'issued', 'returned', 'written_off'] %}
        coalesce(sum(quantity) filter (where is_of_month and movement_kind = '{{ kind }}'), 0) as {{ kind }}_pieces,
        {%- endfor %}
        counted_date,
        coalesce((
            array_agg(quantity order by moved_date desc, source_id desc, source_goods_movement_id desc)
            filter (where movement_kind = 'counted')
        )[1], 0)
        + coalesce(sum(change) filter (where moved_date > coalesce(counted_date, '-infinity')), 0) as stock_pieces
    from so_far
    group by month, project_id, equipment_id, counted_date
),

-- What each person has; what comes back is what was issued first.
held as (
    select
        month,
        project_id,
        equipment_id,
        sum(quantity) filter (where movement_kind = 'issued') as issued_pieces,
        coalesce(sum(quantity) filter (where movement_kind = 'issued' and due_date < next_month), 0) as due_pieces,
        coalesce(sum(quantity) filter (where movement_kind = 'returned'), 0) as returned_pieces
    from so_far
    group by month, project_id, equipment_id, coalesce(person_id, '')
),

in_hands as (
    select
        month,
        project_id,
        equipment_id,
        sum(greatest(issued_pieces - returned_pieces, 0)) as issued_now_pieces,
        sum(greatest(due_pieces - returned_pieces, 0)) as replacement_due_pieces
    from held
    group by month, project_id, equipment_id
)

select
    stored.month,
    stored.project_id,
    stored.equipment_id,
    equipment.equipment_kind,
    stored.received_pieces,
    stored.issued_pieces,
    stored.returned_pieces,
    stored.written_off_pieces,
    stored.stock_pieces,
    stored.counted_date,
    coalesce(in_hands.issued_now_pieces, 0) as issued_now_pieces,
    coalesce(in_hands.replacement_due_pieces, 0) as replacement_due_pieces
from stored
inner join equipment on stored.equipment_id = equipment.equipment_id
left join in_hands
    on
        stored.month = in_hands.month
        and stored.project_id = in_hands.project_id
        and stored.equipment_id = in_hands.equipment_id
