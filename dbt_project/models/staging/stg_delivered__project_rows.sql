{{ config(materialized='table') }}

{{ delivered_rows('project') }}
