"""``python -m modcog``: the command `modcog`."""

from __future__ import annotations

import sys

from modcog.cli import main

if __name__ == "__main__":
    sys.exit(main())
