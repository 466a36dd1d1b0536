{{ config(materialized='table') }}

{{ delivered_rows('service_item') }}
