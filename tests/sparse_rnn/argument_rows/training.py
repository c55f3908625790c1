"""Arguments of configurations and of training."""

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
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument, Made, Row, World, files
from tests.sparse_rnn.argument_rows.values import (
    NO_COUNTS,
    NO_FLAGS,
    NO_NAMES,
    NO_NETWORKS,
    NO_NUMBERS,
    answering,
    network,
)
from tests.sparse_rnn.helpers import SMALL, masked_cross_entropy, small_config

_NO_COUNTS = (*NO_COUNTS[:-1], 10**12)
_NO_PATHS = (3, True, ["out"])
_SEEDS = (-1, True, 1.5, NAN, "0", None, 2**128)
_RATES = (0.0, NAN, INF, -1.0, "1", None, True)
_OPTIONAL = (0.0, NAN, INF, -1.0, "1", True)


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


def _trained(config: srnn.TrainConfig) -> Any:
    """The run of a configuration, and what of it the numbers do not show."""
    run = srnn.train(config)
    return run, run.network.rnn.backend, run.evaluation.rows()


def _fitted(config: srnn.FitConfig) -> Any:
    net = build(small_config(suite=config.suite))[2]
    run = srnn.fit(net, config)
    return run, run.evaluation.rows()


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


_SPARSE = {
    "sparsifier": Argument(
        (None, "random", "magnitude"),
        NO_NAMES[::2],
        at={"sparsifier_options": {"density": 0.1}},
    ),
    "sparsifier_options": Argument(
        ({"density": 0.1, "every": 2}, {"density": 0.2, "every": 2}, {"every": 2}, {"every": 1}),
        (3, None, "density", {"no such": 1}, {"density": 0}, {"every": 0.5}),
        ({"density": 0.9}, {"every": 4}),
        at={"sparsifier": "set"},
    ),
}
_FIT = {
    "suite": Argument((["Go", "DlyGo"], ["Go", "Anti"]), (3, None, [3]), (["no such task"], [])),
    "steps": Argument((4, 5), _NO_COUNTS),
    "weights": Argument((None, "Go", {"Go": 2}), (3, True, [], {"Go": -1}), ("no such", [1.0])),
    "stages": Argument(
        (None, [("Go", 4)], [("Go", {"performance": 1, "at_most": 3}), ("DlyGo", 1)]),
        (3, [], [("Go",)], [("Go", 0)], [("Go", 5)], [("Go", True)], [("Go", {"performance": 1})]),
        ([("no such", 4)],),
    ),
    "curriculum": Argument(
        unseen="comes with a function: tests/sparse_rnn/training/test_curriculum.py",
        wrong=(3, True, "bandit", "own:", "own:a b"),
    ),
    "continual": Argument(
        (None, "ewc", "projection"),
        NO_NAMES[::2],
        at={"stages": (("Go", 2), ("DlyGo", 2)), "lr": 0.1},
    ),
    "continual_options": Argument(
        ({}, {"strength": 1e4}, {"batches": 1}),
        (3, None, "strength", {"no such": 1}, {"strength": 0}, {"batches": 0.5}),
        at={"stages": (("Go", 2), ("DlyGo", 2)), "continual": "ewc", "lr": 0.1},
    ),
    "rules": Argument(
        ("one_hot", "none", "factors", "orthogonal", "orthogonal(3)", "low_rank(2)"),
        (*NO_NAMES, "orthogonal(-1)", "low_rank", "one_hot(1)"),
    ),
    **_SPARSE,
    "batch_size": Argument((2, 3), _NO_COUNTS),
    "seq_len": Argument((45, "auto"), _NO_COUNTS),
    "lr": Argument((1e-3, 1e-2), _RATES),
    "targets": Argument(
        ("ring", "sin_cos"), (*NO_NAMES, "none"), at={"objective": "squared_error"}
    ),
    "objective": Argument(("cross_entropy", "squared_error"), NO_NAMES),
    "optimiser": Argument(("adam", "sgd"), NO_NAMES),
    "optimiser_options": Argument(
        ({}, {"momentum": 0.5}),
        (3, None, "momentum", {"no such": 1}, {"betas": 0.9}, {"momentum": NAN}, {"nesterov": 1}),
        at={"optimiser": "sgd"},
    ),
    "rates": Argument(({}, {"recurrent": 0.1}), (3, None, {"recurrent": 0}, {"no": 1}, "fast")),
    "freeze": Argument(
        ((), ["input"], ("recurrent", "readout")),
        (3, None, ["no such"], "no such", ["input", "recurrent", "readout"]),
    ),
    "new_rules": Argument((None, 1, 2), (*NO_COUNTS[:-1], 99)),
    "schedule": Argument(("constant", "cosine"), NO_NAMES),
    "warmup": Argument((0, 3), (-1, True, 2.5, NAN, "2", None)),
    "decay": Argument(
        (0.1, 0.5), (NAN, INF, -1.0, 1.5, "1", None, True), at={"schedule": "cosine"}
    ),
    "decay_every": Argument((1, 2), NO_COUNTS, at={"schedule": "step"}),
    "clip": Argument((None, 1e-3), _OPTIONAL),
    "l1": Argument((0.0, 1.0), NO_NUMBERS),
    "l2": Argument((0.0, 1.0), NO_NUMBERS),
    "l1_proximal": Argument((0.0, 10.0), NO_NUMBERS),
    "activity_l1": Argument((0.0, 1.0), NO_NUMBERS),
    "activity_l2": Argument((0.0, 1.0), NO_NUMBERS),
    "rate_target": Argument((None, 1.0), (NAN, INF, "1", True)),
    "rate_weight": Argument((1.0, 2.0), _RATES, at={"rate_target": 1.0}),
    "truncate": Argument((None, 5), NO_COUNTS[:-1]),
    "carry_states": Argument((False, True), NO_FLAGS),
    "stop_at": Argument((None, 1e-9), (*_OPTIONAL, 1.5), at={"stop_measure": "final_accuracy"}),
    "stop_measure": Argument(("performance", "final_accuracy"), NO_NAMES, at={"stop_at": 1e-9}),
    "start": Argument(
        unseen="the weights come with start_from: tests/sparse_rnn/training/test_start.py",
        wrong=("abc", 3, "x" * 64, True),
    ),
    "seed": Argument((0, 1), _SEEDS),
    "eval_every": Argument((1, 2), _NO_COUNTS),
    "eval_batches": Argument((1, 2), _NO_COUNTS),
    "final_batches": Argument((2, 3), _NO_COUNTS),
    "precision": Argument(("fp32", "bf16"), NO_NAMES),
    "dt": Argument((100.0, 50.0), _RATES),
    "noise": Argument((1.0, 0.0), NO_NUMBERS, at={"suite": ["DM1", "DM2"]}),
}
_SHEET = {"arch": "locality", "size": (4, 4)}
_POOL = {"arch": "autapse", "radius": None}
_DENSE = {"arch": "dense", "radius": None}
_TRAIN = {
    **_FIT,
    "arch": Argument(("autapse", "dense"), NO_NAMES, at={"radius": None}),
    "size": Argument((16, 12), (0, -1, True, 2.5, "wide", None, ()), at=_POOL),
    "radius": Argument((1, 2), (-1.0, NAN, INF, "1", None, True), at=_SHEET),
    "mask_options": Argument(
        ({"in_degree": 3}, {"in_degree": 4}),
        (None, 3),
        ({"no such": 1}, {"in_degree": "3"}, {"in_degree": True}, {"seed": -1}, {}),
        at={"arch": "random", "radius": None},
    ),
    "init": Argument(("fan_in", "he"), NO_NAMES),
    "init_gain": Argument((1.0, 2.0), _RATES),
    "cell": Argument(("vanilla", "gru"), NO_NAMES),
    "nonlinearity": Argument((None, "tanh"), NO_NAMES[::2]),
    "tau": Argument((None, 200.0), (50.0, *_OPTIONAL), at={"cell": "leaky"}),
    "recurrent_noise": Argument((None, 0.5), (-1.0, NAN, INF, "1", True), at={"cell": "leaky"}),
    "recurrence": Argument(("trained", "frozen"), NO_NAMES),
    "inhibitory": Argument((None, 0.5), (0.0, 1.0, NAN, "half", True), at=_DENSE),
    "backend": Argument(("dense", "reference"), NO_NAMES),
}
_FITTED = {name: value for name, value in SMALL.items() if name not in ("arch", "size", "radius")}
_TRAINED = {**SMALL}


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
_FIT_CONFIG = srnn.FitConfig(**_FITTED)

_OPEN = srnn.FitConfig(steps=2, eval_batches=1, final_batches=1)

ROWS = {
    "sparse_rnn.FitConfig": Row(_FIT, _FITTED, _fitted),
    "sparse_rnn.TrainConfig": Row(_TRAIN, _TRAINED, _trained),
    "sparse_rnn.FitConfig.rate": Row(
        {"step": Argument((1, 2), (0, -1, True, 0.5, "1", None))},
        of=lambda _: srnn.FitConfig(schedule="cosine", steps=3),
    ),
    "sparse_rnn.FitConfig.from_json": Row(
        {
            "text": Argument(
                ("{}", '{"steps": 3}'), free="the error names the setting: tests/sparse_rnn/config"
            )
        },
        of=lambda _: srnn.FitConfig,
    ),
    "sparse_rnn.TrainConfig.check_mask": Row(
        {"up_to": Argument((0, 10**6), (-1, True, 2.5, NAN, "2", None))},
        of=lambda _: small_config(
            arch="erdos_renyi", radius=None, mask_options={"probability": 0.3}
        ),
    ),
    "sparse_rnn.RunOptions": Row(
        {
            "checkpoint_every": Argument((1, 100), _NO_COUNTS),
            "checkpoint_seconds": Argument((60.0, 1e-9), (0.0, NAN, -1.0, "1", None, True)),
            "levels": Argument(((1.0,), (1e-3,)), ((0.0,), (1.5,), (NAN,), ("1",), 3, None, "12")),
            "threads": Argument((1, 2), _NO_COUNTS),
            "device": Argument(("cpu", "cuda:99"), ("gpu", "", None, 3)),
            "chunk": Argument((None, 7), _NO_COUNTS),
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
                        (_FIT_CONFIG, srnn.FitConfig(**{**_FITTED, "seed": 3})),
                        (None, dict(_FITTED), "config.json", 3),
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
                (_FIT_CONFIG, srnn.FitConfig(**{**_FITTED, "lr": 0.1})), loud=(None, dict(_FITTED))
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
