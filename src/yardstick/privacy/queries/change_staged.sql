-- The same values of the same rows where they are staged, with the hash that staging would give them now.
update staging.{relation} as staged
set {values}, content_md5 = {content_md5}
from pg_temp.taken
where staged.delivery_id = taken.delivery_id and staged.row_number = taken.row_number and ({is_other})
