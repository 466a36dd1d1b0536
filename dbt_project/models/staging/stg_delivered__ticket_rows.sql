{{ config(materialized='table') }}

{{ delivered_rows('ticket') }}
