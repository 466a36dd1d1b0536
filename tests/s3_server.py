"""A real S3-compatible server in memory, on a free port of loopback."""

from __future__ import annotations

import json
import logging
from types import TracebackType

import httpx
from botocore.session import Session
from moto.server import ThreadedMotoServer

BUCKET = "deliveries"


class S3Server:
    """One bucket, and one login that may read it.

    Attributes:
        address: host and port.
        login: access key of the login.
        password: its secret.
    """

    def __enter__(self) -> S3Server:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.address = self._server.get_host_and_port()
        self.url = "http://{}:{}".format(*self.address)
        httpx.post(f"{self.url}/moto-api/reset", trust_env=False)
        self._s3 = self._client("s3")
        self._s3.create_bucket(Bucket=BUCKET)
        iam = self._client("iam")
        iam.create_user(UserName="collector")
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
        }
        iam.put_user_policy(UserName="collector", PolicyName="read", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="collector")["AccessKey"]
        self.login, self.password = key["AccessKeyId"], key["SecretAccessKey"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.check_logins(False)
        self._server.stop()

    def _client(self, service: str):  # type: ignore[no-untyped-def]
        return Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id="admin",
            aws_secret_access_key="admin",
        )

    def check_logins(self, wanted: bool = True) -> None:
        """From now on only the login gets in; or everybody does."""
        count = b"0" if wanted else b"inf"
        httpx.post(f"{self.url}/moto-api/reset-auth", content=count, trust_env=False)

    def put(self, key: str, content: bytes) -> None:
        """Store an object; only while logins are not checked."""
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=content)
