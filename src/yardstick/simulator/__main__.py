"""``python -m yardstick.simulator serve FOLDER``: serve a simulated company's systems until told to end."""

from __future__ import annotations

import sys
from pathlib import Path

from yardstick import settings
from yardstick.simulator.running import serve

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", folder]:
            serve(Path(folder), settings.load().require_database_url())
        case _:
            sys.exit("usage: python -m yardstick.simulator serve FOLDER")
