"""``python -m sparse_rnn.cli``: the command `sparse-rnn`, as torchrun starts it."""

from __future__ import annotations

import sys

from sparse_rnn.cli import main

if __name__ == "__main__":
    sys.exit(main())
