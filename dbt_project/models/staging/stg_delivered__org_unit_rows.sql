{{ config(materialized='table') }}

{{ delivered_rows('org_unit') }}
