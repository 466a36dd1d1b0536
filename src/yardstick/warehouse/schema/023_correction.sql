-- ops, continued: rejected rows that came back corrected.
create table if not exists ops.correction (
    delivery_id bigint not null references ops.delivery,
    row_number bigint not null,
    corrects_delivery_id bigint not null references ops.delivery,
    corrects_row_number bigint not null,
    primary key (delivery_id, row_number)
);
create index if not exists correction_corrects on ops.correction (corrects_delivery_id, corrects_row_number);
comment on table ops.correction is
'Which row of a delivery corrects which rejected row: a reject is closed by it even when its key was what was wrong.';
