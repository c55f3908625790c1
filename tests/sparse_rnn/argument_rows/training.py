"""Arguments of training: what a run is begun with, gone on with, scored and read by."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

import sparse_rnn as srnn
from sparse_rnn.config.run import RunOptions
from sparse_rnn.data import task_stream
from sparse_rnn.training.run import build
from tests.sparse_rnn.argument_rows.configs import FITTED
from tests.sparse_rnn.argument_rows.table import NAN, Argument, Made, Row, World, files
from tests.sparse_rnn.argument_rows.values import (
    NO_COUNTS,
    NO_FLAGS,
    NO_NAMES,
    NO_NETWORKS,
    NO_NUMBERS,
    NO_STEPS,
    answering,
    network,
)
from tests.sparse_rnn.helpers import SMALL, masked_cross_entropy, small_config

_NO_PATHS = (3, True, ["out"])


class _Seen:
    """A display that notes what goes on at each step."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.notes: list[Any] = []

    @contextmanager
    def __call__(self, config: srnn.FitConfig) -> Generator[Callable[[Any], None]]:
        del config

        def on_step(record: Any) -> None:
            there = [] if self.folder is None else files(self.folder)
            threads = "modcog-prefetch" in str(threading.enumerate()), torch.get_num_threads()
            self.notes.append((record.step, there, threads))

        yield on_step


def _carried_out(options: RunOptions) -> Any:
    """What a run leaves behind and shows with these options."""
    before = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as name:
        seen, folder = _Seen(Path(name)), Path(name) / "run"
        noisy = small_config(cell="leaky", recurrent_noise=0.1, eval_every=1)
        try:
            run = srnn.train(noisy, folder, progress=seen, options=options)
        finally:
            torch.set_num_threads(before)
        there = files(Path(name))
        summary = json.loads((folder / "summary.json").read_text())
    return seen.notes, len(there), len(summary["time_to_accuracy"]), run


def _begun(world: World, steps: int = 3) -> Path:
    """The folder of a run that ended after some steps."""
    srnn.train(small_config(steps=steps), world.folder / "begun")
    return world.folder / "begun"


def _file(world: World) -> Path:
    path = world.folder / "file"
    path.write_text("a file")
    return path


def _copy(world: World, name: str = "copy") -> Path:
    assert world.run.folder is not None
    return Path(shutil.copytree(world.run.folder, world.folder / name))


def _in(world: World) -> Path:
    return world.folder / "out"


_NO_RUNS = (Made(lambda w: w.folder), Made(_file), *_NO_PATHS)

_OPTIONS = Argument((RunOptions(), RunOptions(device="cuda:99")), (None, 3, {"chunk": 3}, "fast"))

_PROGRESS = Argument(unseen="tests/sparse_rnn/training/test_progress.py", free="called as it is")

_CONFIGS = Argument((small_config(), small_config(seed=3)), (None, dict(SMALL), "config.json", 3))


def _stopping(moment: srnn.Moment) -> bool:
    return moment.record.step == 2


def _calls(first: dict[str, Any]) -> dict[str, Argument]:
    return {
        **first,
        "out": Argument((None, Made(_in)), loud=(Made(_file), *_NO_PATHS)),
        "progress": _PROGRESS,
        "options": _OPTIONS,
        "callbacks": Argument(
            ((), [_stopping]), (None, 3, [3], _stopping), loud=([lambda _: "stop"],)
        ),
    }


_STARTED = Argument(
    (None, Made(lambda w: _begun(w)), Made(lambda w: w.folder / "no such")),
    loud=(Made(_file), *_NO_PATHS),
)

_CONTINUED = Argument(
    unseen="the bits of a run from the start: tests/sparse_rnn/runs/test_origin.py",
    loud=(Made(lambda w: w.folder / "no such"), Made(_file), *_NO_PATHS),
)


def _halved(outputs: torch.Tensor, hidden: Any, batch: Any) -> torch.Tensor:
    del hidden
    return masked_cross_entropy(outputs, batch) / 2


_OBJECTIVE = Argument((None, _halved), (3, "no such", ("a b", _halved)))

_OPTIMISER = Argument((None, "sgd", torch.optim.Rprop), (3, "no such", ("a b", torch.optim.SGD)))


def _go(scores: Any) -> str:
    del scores
    return "Go"


_CURRICULUM = Argument(
    (None, _go), (3, "no such", ("a b", _go)), loud=(("none", lambda _: None), ("a", lambda _: 3))
)


class _Net(nn.Module):
    """A network that is none of this package."""

    def __init__(self, n_outputs: int = 17) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_outputs, 35))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs @ self.weight.T


def _with_folder(run: Any) -> Any:
    there = [] if run.folder is None else files(run.folder)
    return run, there, run.evaluation.rows()


def _stream(seed: int = 0, tasks: tuple[str, ...] = ("Go", "DlyGo")) -> Any:
    return task_stream(tasks, batch_size=2, seq_len=45, seed=seed)


def _network(_: World) -> srnn.Network:
    return build(small_config())[2]


def _stopped() -> bool:
    raise srnn.SparseRnnError("stopped")


def _imp(**changes: Any) -> srnn.TrainConfig:
    return small_config(sparsifier="imp", sparsifier_options={"density": 0.2}, **changes)


_BATCHES = [_stream().batch(0), _stream().batch(1)]

_FIT_CONFIG = srnn.FitConfig(**FITTED)

_OPEN = srnn.FitConfig(steps=2, eval_batches=1, final_batches=1)

ROWS = {
    "sparse_rnn.RunOptions": Row(
        {
            "checkpoint_every": Argument((1, 100), NO_STEPS),
            "checkpoint_seconds": Argument((60.0, 1e-9), (0.0, NAN, -1.0, "1", None, True)),
            "levels": Argument(((1.0,), (1e-3,)), ((0.0,), (1.5,), (NAN,), ("1",), 3, None, "12")),
            "threads": Argument((1, 2), NO_STEPS),
            "device": Argument(("cpu", "cuda:99"), ("gpu", "", None, 3)),
            "chunk": Argument((None, 7), NO_STEPS),
            "prefetch": Argument((True, False), NO_FLAGS),
            "tensorboard": Argument(unseen="tests/sparse_rnn/runs/test_events.py", wrong=NO_FLAGS),
        },
        seen=_carried_out,
    ),
    "sparse_rnn.lottery_ticket": Row(
        {
            **{name: _calls({})[name] for name in ("out", "progress", "options")},
            "config": Argument((_imp(), _imp(seed=3)), (None, dict(SMALL), small_config(), 3)),
        },
        {"config": _imp()},
        lambda levels: [_with_folder(run) for run in levels],
    ),
    "sparse_rnn.ridge_readout": Row(
        {
            "network": Argument((network(), network(1)), NO_NETWORKS),
            "batches": Argument(
                (_BATCHES[:1], _BATCHES[1:]),
                ([], None, 3, [3], _BATCHES[0]),
            ),
            "ridge": Argument((1e-2, 1.0), (0, *NO_NUMBERS)),
        },
        {"network": network(), "batches": _BATCHES, "ridge": 1e-2},
    ),
    "sparse_rnn.train": Row(
        {
            **_calls({"config": _CONFIGS}),
            "continue_from": _CONTINUED,
            "start_from": _STARTED,
            "curriculum": _CURRICULUM,
        },
        {"config": small_config()},
        _with_folder,
    ),
    "sparse_rnn.fit": Row(
        {
            **_calls(
                {
                    "network": Argument(
                        (Made(lambda _: _Net()), Made(lambda _: _Net(18))),
                        (None, "net", torch.relu),
                    ),
                    "config": Argument(
                        (_FIT_CONFIG, srnn.FitConfig(**{**FITTED, "seed": 3})),
                        (None, dict(FITTED), "config.json", 3),
                    ),
                }
            ),
            "continue_from": Argument(
                (None, Made(lambda w: w.folder / "no such")), loud=(Made(_file), *_NO_PATHS)
            ),
            "start_from": Argument(
                (None, Made(lambda w: w.folder / "no such")), loud=(Made(_file), *_NO_PATHS)
            ),
            "objective": _OBJECTIVE,
            "optimiser": _OPTIMISER,
            "curriculum": _CURRICULUM,
            "stream": Argument(
                (("one", _stream()), ("one", _stream(1))),
                (3, "cog-20", ("one", 3), ("no name", _stream()), torch.relu),
                at={"config": _OPEN},
            ),
        },
        {"network": Made(lambda _: _Net()), "config": _FIT_CONFIG},
        _with_folder,
    ),
    "sparse_rnn.train_ensemble": Row(
        {
            **_calls({"config": _CONFIGS}),
            "config": Argument(
                (small_config(), small_config(lr=0.1)), (None, dict(SMALL), "config.json", 3)
            ),
            "seeds": Argument(
                (1, 2, [3]), (0, -1, True, 2.5, [], [0, 0], [-1], [True], "01", None, [0.5])
            ),
        },
        {"config": small_config(), "seeds": 1},
        lambda runs: [_with_folder(run) for run in runs],
    ),
    "sparse_rnn.Trainer": Row(
        {
            "network": Argument((Made(lambda _: _Net()), Made(_network)), loud=(None, "net")),
            "training": Argument((_stream(), _stream(1)), loud=(None, "cog-20")),
            "held_out": Argument((_stream(), _stream(1)), loud=(None, "cog-20")),
            "config": Argument(
                (_FIT_CONFIG, srnn.FitConfig(**{**FITTED, "lr": 0.1})), loud=(None, dict(FITTED))
            ),
            "group": Argument(
                unseen="tests/sparse_rnn/training/test_distributed.py", loud=("one", [1])
            ),
            "stop": Argument((lambda: False, _stopped), free="called as it is"),
            "objective": _OBJECTIVE,
            "optimiser": _OPTIMISER,
            "curriculum": _CURRICULUM,
        },
        {
            "network": Made(_network),
            "training": _stream(),
            "held_out": _stream(),
            "config": _FIT_CONFIG,
        },
        lambda trainer: [(r.loss, r.lr, r.scores) for r in trainer.records()],
    ),
    "sparse_rnn.Trainer.records": Row(
        {"prefetch": Argument(unseen="as that of `RunOptions`", wrong=NO_FLAGS)},
        seen=list,
        of=lambda _: srnn.Trainer(_Net(), _stream(), _stream(), _FIT_CONFIG),
    ),
    "sparse_rnn.evaluate": Row(
        {
            "network": Argument((answering(), answering(0.0)), loud=(None, "net")),
            "stream": Argument((_stream(), _stream(tasks=("DlyGo", "Go"))), loud=(None, "cog-20")),
            "batches": Argument(
                (_BATCHES[:1], _BATCHES),
                loud=([], None, 3, ["batch"]),
            ),
        },
        {
            "network": answering(),
            "stream": _stream(),
            "batches": _BATCHES,
        },
        lambda scores: scores.rows(),
    ),
    "sparse_rnn.load": Row(
        {
            "run": Argument(
                (Made(_copy), Made(_begun)),
                loud=_NO_RUNS,
            )
        }
    ),
    "sparse_rnn.load_run": Row(
        {
            "folder": Argument(
                (Made(_copy), Made(_begun)),
                loud=_NO_RUNS,
            )
        }
    ),
    "sparse_rnn.BatchDataset": Row(
        {
            "stream": Argument((_stream(), _stream(1)), (None, 3, "cog-20")),
            "n_batches": Argument((2, 3), NO_COUNTS[:-1]),
            "rule": Argument(("one_hot", "index"), NO_NAMES),
        },
        {"stream": _stream(), "n_batches": 2},
        iter,
    ),
}
