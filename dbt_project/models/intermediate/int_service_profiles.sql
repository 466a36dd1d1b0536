{{ config(materialized='view') }}

{{ service_profiles_of(var('build_id')) }}
