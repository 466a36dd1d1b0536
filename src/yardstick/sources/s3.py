"""Objects in an S3-compatible store, by s3fs.

The connection's login and password are the access key and its secret (left out: the machine's own role). Its
``extra`` takes ``bucket`` (with a prefix, if all is below one), ``endpoint_url`` (for a store that is not
Amazon's), ``region_name``, ``aws_session_token``, and ``addressing_style`` (``path`` or ``virtual``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import botocore.exceptions  # type: ignore[import-untyped]
import s3fs  # type: ignore[import-untyped]

from yardstick.errors import BadInputError, CredentialsError, UnreachableError
from yardstick.sources.connections import Connection
from yardstick.sources.remote import Status

CONNECT_SECONDS = 15
ANSWER_SECONDS = 60
_STEP = 8 << 20
_NOT_ALLOWED = {"AccessDenied", "AllAccessDisabled", "InvalidObjectState", "403"}
_MISCONFIGURED = {"AuthorizationHeaderMalformed", "InvalidBucketName", "PermanentRedirect", "301", "400"}


class S3Session:
    """A line to an object store; see ``remote.Session``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        extra = connection.extra
        self._bucket = str(extra.get("bucket") or "").strip("/")
        if not self._bucket:
            raise CredentialsError(f"Connection {connection.id}: extra names no bucket. Add it.")
        endpoint = extra.get("endpoint_url") or None
        style = extra.get("addressing_style") or ("path" if endpoint else "auto")
        self._files = s3fs.S3FileSystem(
            key=connection.login or None,
            secret=connection.password or None,
            token=extra.get("aws_session_token") or None,
            endpoint_url=endpoint,
            client_kwargs={"region_name": extra["region_name"]} if extra.get("region_name") else {},
            config_kwargs={
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": ANSWER_SECONDS,
                "retries": {"max_attempts": 1},
                "s3": {"addressing_style": style},
                # Stores that are not Amazon's know no others than they must.
                "request_checksum_calculation": "when_required",
                "response_checksum_validation": "when_required",
            },
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        self._files.retries = 3

    def path(self, folder: str, name: str) -> str:
        """Bucket and key."""
        parts = [self._bucket, folder.strip("/"), name.strip("/")]
        return "/".join(part for part in parts if part not in ("", "."))

    def list(self, path: str) -> list[Status]:
        """What lies below a prefix; a prefix that nothing lies below holds nothing."""
        with self._told():
            try:
                found = self._files.ls(path, detail=True, refresh=True)
            except FileNotFoundError as error:
                if _code(error) == "NoSuchBucket":
                    raise BadInputError(
                        f"Connection {self._connection.id}: there is no bucket {self._bucket.split('/')[0]!r}. "
                        "Correct extra.bucket."
                    ) from None
                return []
        # A folder made in a browser is an empty object of the prefix's own name.
        return [_status(entry) for entry in found if entry["name"].rstrip("/") != path]

    def status(self, path: str) -> Status:
        """What is known of an object now."""
        with self._told():
            return _status(self._files.info(path, refresh=True))

    def read(self, path: str, size: int) -> Iterator[bytes]:
        """The first ``size`` bytes."""
        for start in range(0, size, _STEP):
            with self._told():
                piece = self._files.cat_file(path, start=start, end=min(start + _STEP, size))
            if not piece:
                return
            yield piece

    def is_alive(self) -> bool:
        """Always: every request stands for itself."""
        return True

    def close(self) -> None:
        """Nothing is held."""

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors as the rest of the house knows them."""
        name = f"Connection {self._connection.id}"
        try:
            yield
        except (FileNotFoundError, BadInputError, UnreachableError):
            raise
        except PermissionError as error:
            if _code(error) in _NOT_ALLOWED:
                raise
            raise CredentialsError(
                f"{name}: the store refuses the login ({_code(error)}). Correct login and password."
            ) from None
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError):
            raise CredentialsError(f"{name} has no login and the machine has no role. Add a login.") from None
        except (botocore.exceptions.ParamValidationError, ValueError) as error:
            raise CredentialsError(f"{name}: {error}. Correct the connection.") from None
        except (
            OSError,
            botocore.exceptions.BotoCoreError,
            aiohttp.ClientError,
        ) as error:
            if _code(error) in _MISCONFIGURED:
                raise CredentialsError(
                    f"{name}: the store cannot take the request ({_code(error)}: {error}). "
                    "Correct bucket, region_name, endpoint_url or addressing_style."
                ) from None
            raise UnreachableError(
                f"{name}: the store does not answer or hung up ({error or type(error).__name__})."
            ) from None


def connect(connection: Connection) -> S3Session:
    """A line to the store of a connection; nothing is asked before the first listing."""
    return S3Session(connection)


def _status(entry: dict[str, Any]) -> Status:
    changed = entry.get("LastModified")
    return Status(
        entry["name"].rstrip("/").rsplit("/", 1)[-1],
        entry["type"],
        entry["size"] or 0,
        changed.timestamp() if changed else 0.0,
        entry.get("ETag") or "",
    )


def _code(error: BaseException) -> str:
    """The store's own word for what is wrong; empty when it said none."""
    response = getattr(error.__cause__ or error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
