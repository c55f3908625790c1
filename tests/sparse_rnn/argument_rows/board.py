"""Arguments of the board: protocols, entries, pages."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch

import sparse_rnn as srnn
from tests.sparse_rnn.argument_rows.table import NAN, Argument, Made, Row, World
from tests.sparse_rnn.argument_rows.values import NO_COUNTS, NO_NAMES
from tests.sparse_rnn.entries_made import entry_record, made_entry, run_record

_RULES = srnn.board_protocol("rehearsal")
_NO_TEXTS = (None, 3, b"text")


class _Memoryless(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(17, 36))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs @ self.weight.T


@cache
def _runs(lr: float) -> list[Path]:
    """Runs of three seeds, of which one was trained: the others are said to be of other seeds."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    config = srnn.FitConfig(**_RULES.settings, lr=lr, eval_batches=4)
    srnn.fit(_Memoryless(), config, folder / "0")
    for seed in _RULES.seeds[1:]:
        shutil.copytree(folder / "0", folder / str(seed))
        path = folder / str(seed) / "config.json"
        record = json.loads(path.read_text())
        record["config"]["seed"] = seed
        path.write_text(json.dumps(record))
    return [folder / str(seed) for seed in _RULES.seeds]


def _file(world: World, name: str) -> Path:
    path = world.folder / "entry.json"
    made_entry(name=name).write(path)
    return path


_THREE = [run_record(0.1), run_record(0.2), run_record(0.3)]
_ONE, _TWO = made_entry(runs=_THREE, name="one"), made_entry(0.8, 0.9, 1.0, name="two")
_SHOWN = {
    "entries": Argument(([_ONE], [_TWO], [_ONE, _TWO]), ([], [None], [_ONE, _ONE]), (None, 3)),
    "by": Argument(("performance", "name"), NO_NAMES, at={"entries": [_ONE, _TWO]}),
}
_ADDRESS = (3, b"one")

ROWS: dict[str, Row] = {
    "sparse_rnn.board_protocol": Row({"name": Argument(("mod-cog-84", "cog-20"), NO_NAMES)}),
    "sparse_rnn.board_entry": Row(
        {
            "runs": Argument(
                (Made(lambda _: _runs(1e-3)), Made(lambda _: _runs(2e-3))),
                (None, 3, [3], [None], []),
                ("no such folder",),
            ),
            "out": Argument(
                unseen="where the file goes: tests/sparse_rnn/training/test_board.py", loud=(3,)
            ),
            "name": Argument(("one", "two"), ("", "a\nb", *_NO_TEXTS)),
            "method": Argument(("one", "two"), ("", *_NO_TEXTS)),
            "protocol": Argument(("rehearsal", "cog-20"), NO_NAMES),
            "command": Argument(("", "one"), _NO_TEXTS),
            "earlier": Argument(
                ((), Made(lambda _: _runs(1e-3)[:1])), (None, 3, [None]), (["no such folder"],)
            ),
            "diverged": Argument(((), (3,)), ((-1,), (True,), ("0",), (0,)), (None, 3)),
            "search_updates": Argument((None, 0, 5), (-1, True, 2.5, "2", NAN)),
            "n_units": Argument((None, 5), NO_COUNTS[:-1]),
            "density": Argument((None, 0.5), (-0.5, 1.5, NAN, "1", True)),
            "multiply_adds": Argument((None, 5), NO_COUNTS[:-1]),
        },
        {
            "runs": Made(lambda _: _runs(1e-3)),
            "name": "one",
            "method": "no memory",
            "protocol": "rehearsal",
        },
    ),
    "sparse_rnn.BoardEntry": Row(
        {
            "format": Argument(unseen="there is one", wrong=("another", None, 3)),
            "protocol": Argument(("rehearsal", "cog-20"), NO_NAMES),
            "protocol_version": Argument(unseen="there is one", wrong=(2, 0, True, "1", None, NAN)),
            "name": Argument(("one", "two"), ("", "a\nb", "é", "a" * 61, *_NO_TEXTS)),
            "method": Argument(("one", "two"), ("", *_NO_TEXTS)),
            "runs": Argument((_THREE, [*_THREE, None]), ([], _THREE[:2], [3] * 3, None, 3, "runs")),
            "n_units": Argument((None, 5), NO_COUNTS[:-1]),
            "settings": Argument(({}, {"lr": 0.1}), (None, 3, [], {"lr": {1}})),
            "command": Argument(("", "one"), _NO_TEXTS),
            "commits": Argument(((), ("one",)), (None, 3, "one", (3,))),
            "versions": Argument(({}, {"torch": "2"}), (None, 3, {"torch": 2})),
            "machines": Argument(((), ("one",)), (None, 3, "one", (3,))),
            "search_updates": Argument((None, 0, 5), (-1, True, 2.5, "2", NAN)),
        },
        entry_record(),
    ),
    "sparse_rnn.BoardEntry.from_json": Row(
        {
            "text": Argument(
                (_ONE.to_json(), _TWO.to_json()), ("", "{", "[]", None, 3, b"{}"), ("{}",)
            )
        },
        of=lambda _: srnn.BoardEntry,
    ),
    "sparse_rnn.BoardEntry.read": Row(
        {
            "path": Argument(
                (Made(lambda w: _file(w, "one")), Made(lambda w: _file(w, "two"))),
                loud=(None, 3, "no such file"),
            )
        },
        of=lambda _: srnn.BoardEntry,
    ),
    "sparse_rnn.BoardEntry.write": Row(
        {"path": Argument(unseen="where the file goes", loud=(None, 3))}, of=lambda _: _ONE
    ),
    "sparse_rnn.BoardEntry.mean": Row(
        {"cost": Argument(("work", "weights"), NO_NAMES)}, of=lambda _: _ONE
    ),
    "sparse_rnn.report.board_page": Row(
        {**_SHOWN, "title": Argument(("one", "another"), loud=_NO_TEXTS)}, {"entries": [_ONE]}
    ),
    "sparse_rnn.report.board_charts": Row(_SHOWN, {"entries": [_ONE]}),
    "sparse_rnn.report.board_markdown": Row(
        {
            **_SHOWN,
            "pictures": Argument((None, "one", "two"), _ADDRESS),
            "page": Argument(("", "one", "two"), (None, *_ADDRESS)),
        },
        {"entries": [_ONE]},
    ),
}
