update ops.restatement_proposal as p
set differences = (
    select
        jsonb_agg(
            case
                when d.difference ->> 'relation' = 'person' and e.pseudonym is not null
                    then jsonb_set(d.difference, '{subject}', to_jsonb(e.pseudonym))
                else d.difference
            end
            order by d.number
        )
    from jsonb_array_elements(p.differences) with ordinality as d (difference, number)
    left join pg_temp.erased as e on d.difference ->> 'subject' = e.person_id
)
where exists (
    select from jsonb_array_elements(p.differences) as d (difference)
    inner join pg_temp.erased as e on d.difference ->> 'subject' = e.person_id
    where d.difference ->> 'relation' = 'person'
)
