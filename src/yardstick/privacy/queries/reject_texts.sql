-- What rejects and remarks quote of the persons: the value, the key, the reason.
with told as (
    select
        j.reject_id,
        e.person_id,
        e.pseudonym
    from ops.reject as j
    inner join pg_temp.erased as e
        on (j.field = any({fields}) and j.value = e.person_id) or (j.entity = any({keyed}) and j.key_values[1] = e.person_id)
)

update ops.reject as j
set
    value = case
        when j.value is not null
            then array_to_string(array_replace(string_to_array(j.value, ' · '), told.person_id, told.pseudonym), ' · ')
    end,
    key = case
        when j.key is not null and j.entity = any({keyed})
            then array_to_string(array_replace(string_to_array(j.key, ' · '), told.person_id, told.pseudonym), ' · ')
        else j.key
    end,
    key_values = case
        when j.entity = any({keyed}) then array_replace(j.key_values, told.person_id, told.pseudonym) else j.key_values
    end,
    reason = replace(j.reason, told.person_id, told.pseudonym)
from told
where told.reject_id = j.reject_id
