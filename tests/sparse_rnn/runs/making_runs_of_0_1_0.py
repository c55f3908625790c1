"""Makes the runs of version 0.1.0 that tests read: one finished, one killed after a checkpoint.

Run it with that version of the package, from a checkout of its commit 42ecf4e, in this folder:

    PYTHONPATH=CHECKOUT python making_runs_of_0_1_0.py runs_of_0_1_0
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import sparse_rnn as srnn
from sparse_rnn.sweep.naming import folder_of

CONFIG = srnn.TrainConfig(
    suite="Go",
    arch="locality",
    size=(2, 2),
    radius=1,
    steps=4,
    batch_size=2,
    seq_len=40,
    eval_every=2,
    eval_batches=1,
    final_batches=1,
)
OTHER = srnn.TrainConfig(**{**json.loads(CONFIG.to_json()), "seed": 1})


class Killed(BaseException):
    """Ends a run as a killed process does, but for the lock."""


def make(results: Path) -> None:
    """Train both into a folder of results, where a sweep finds them too."""
    from sparse_rnn import archive, options  # Where that version has them.

    run_options = options.RunOptions(checkpoint_every=2, tensorboard=False)
    srnn.train(CONFIG, folder_of(results, CONFIG), options=run_options)
    save = archive.Archive.save

    def save_once(self: archive.Archive, trainer: archive.Trainer) -> None:
        save(self, trainer)
        raise Killed

    archive.Archive.save = save_once
    with suppress(Killed):
        srnn.train(OTHER, folder_of(results, OTHER), options=run_options)
    for path in results.glob("runs/*/config.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        record["machine"] = {"platform": "some", "processor": "one", "cores": 2, "threads": 1}
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
