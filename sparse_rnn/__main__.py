"""``python -m sparse_rnn``: the command `sparse-rnn`."""

from __future__ import annotations

import sys

from sparse_rnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
