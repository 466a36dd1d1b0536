{{ config(materialized='view') }}

{{ rows_before('marts', 'fct_ticket', ticket_columns()) }}
