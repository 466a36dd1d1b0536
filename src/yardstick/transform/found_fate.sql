-- What this build finds to have become of rows, to be compared with what is known.
create temporary table recounted (delivery_id bigint primary key) on commit drop;
create temporary table row_fate (delivery_id bigint, row_number integer, fate text) on commit drop
