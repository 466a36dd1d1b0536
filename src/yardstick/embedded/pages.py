"""The reports page on loopback."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Static files, no directory listings, no log lines."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing on the terminal."""

    def list_directory(self, path: Any) -> None:
        """Refuse: what is published is linked."""
        self.send_error(http.HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """Let browsers run nothing but what the pages themselves hold."""
        self.send_header("Content-Security-Policy", "default-src 'self' 'unsafe-inline' data:")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()


@contextlib.contextmanager
def serve_pages(folder: Path, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve ``folder`` while the context lasts.

    Yields:
        The URL; on loopback and a free port unless told otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer((host, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
