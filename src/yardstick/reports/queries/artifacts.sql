select
    path,
    sha256
from release.artifact
where release_id = %s
