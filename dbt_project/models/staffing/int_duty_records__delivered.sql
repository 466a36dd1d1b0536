{{
    config(
        materialized='table',
        schema='intermediate',
        contract={'enforced': false},
        indexes=[
            {'columns': ['record_kind', 'source_id', 'source_record_id'], 'unique': true},
            {'columns': ['source_id', 'source_roster_id']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

with touched as (
    select * from {{ ref('int_duty_records__touched') }}
),

rosters as (
    select * from {{ ref('stg_delivered__rosters') }}
),

attendances as (
    select * from {{ ref('stg_delivered__attendances') }}
)

select
    touched.record_kind,
    touched.source_id,
    touched.source_record_id,
    rosters.source_roster_id,
    rosters.person_id,
    rosters.shift_date as day,
    rosters.delivery_id,
    rosters.row_number
from touched
inner join rosters
    on touched.source_id = rosters.source_id and touched.source_record_id = rosters.source_roster_id
where touched.record_kind = 'roster'

union all

select
    touched.record_kind,
    touched.source_id,
    touched.source_record_id,
    attendances.source_roster_id,
    attendances.person_id,
    attendances.work_date as day,
    attendances.delivery_id,
    attendances.row_number
from touched
inner join attendances
    on touched.source_id = attendances.source_id and touched.source_record_id = attendances.source_attendance_id
where touched.record_kind = 'attendance'
