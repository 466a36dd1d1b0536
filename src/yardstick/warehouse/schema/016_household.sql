-- ops, continued: what makes a household's id a key that tells nobody which household it is (docs/decisions/0026).
create table if not exists ops.household_salt (
    is_only boolean primary key default true check (is_only),
    salt bytea not null check (length(salt) = 32),
    inner_pad bytea not null,
    outer_pad bytea not null,
    made_at timestamptz not null default now()
);
comment on table ops.household_salt is
'The key of HMAC-SHA-256 over households'' ids, made once, with its two pads. Whoever reads it can try every house number: nobody but the warehouse''s owner may.';
revoke all on ops.household_salt from public;

with made as materialized (
    select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) as salt
),

padded as (
    select
        made.salt,
        string_agg(set_byte('\x00', 0, 54 # of_salt.byte), ''::bytea order by place.number) as inner_pad,
        string_agg(set_byte('\x00', 0, 92 # of_salt.byte), ''::bytea order by place.number) as outer_pad
    from made
    cross join generate_series(0, 63) as place (number)
    cross join lateral (
        select case when place.number < 32 then get_byte(made.salt, place.number) else 0 end as byte
    ) as of_salt
    group by made.salt
)

insert into ops.household_salt (salt, inner_pad, outer_pad)
select
    salt,
    inner_pad,
    outer_pad
from padded
on conflict do nothing;
