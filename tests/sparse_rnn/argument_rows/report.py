"""Arguments of figures, pages and findings."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

from sparse_rnn.analysis import AnalysisResult
from sparse_rnn.report import Measurement
from tests.sparse_rnn.argument_rows.table import INF, NAN, Argument, Made, Row
from tests.sparse_rnn.argument_rows.values import MASK, MASKS, NO_FLAGS, NO_NAMES
from tests.sparse_rnn.findings_made import made_curve, made_finding
from tests.sparse_rnn.helpers import made_run

_NO_TEXTS = (None, 3, b"text")
_TEXT = Argument(("one", "another"), _NO_TEXTS)
_TITLE = Argument(("one", "another"), loud=_NO_TEXTS)
_NO_VALUES = ([], [NAN], [INF], [[0.5]], "values", None, ["a"])
_NO_FINITE = (NAN, INF, "1", True)
_NO_POINTS = ((), (1.0,), (NAN, 2.0), ("1", "2"), "12", 3)
_DAMAGED = Argument(({}, {"there": "it is cut"}), loud=(3, ["there"]))
_MIXED = Argument((False, True), NO_FLAGS)

_CURVE = {
    "name": "one",
    "x": (1.0, 2.0),
    "mean": (0.5, 0.6),
    "low": (0.4, 0.5),
    "high": (0.6, 0.7),
    "x_label": "steps",
    "y_label": "accuracy",
    "panel": "panel",
}
_MEASURED = {
    "name": "one",
    "value": 0.5,
    "low": 0.4,
    "high": 0.6,
    "n_seeds": 3,
    "paper": None,
    "unit": "",
}
_FINDING = dict(vars(made_finding()))
_DATE = datetime.date(2026, 11, 25)

_RUN, _OTHER = made_run({2: 0.5, 4: 0.9}), made_run({2: 0.1, 4: 0.2}, seed=3)
_RUNS = {"one": _RUN}
_NO_RUNS = (3, {"one": None}, {"one": "no such folder"})
_FLOOR = {"floor": {"Go": 0.25, "Anti": 0.5}}
_EMPTY = AnalysisResult(Path("nowhere"), {}, {"sheet": "no sheet"}, (), {})
_DONE = replace(_EMPTY, done={"clusters": "two"})
_ONE, _TWO = made_finding(), made_finding(id="fig2b", commit="f" * 40)
_DRAWN = made_finding(figures=("fig2a.svg",))
_NO_FINDINGS = (None, 3, [None])

ROWS: dict[str, Row] = {
    "sparse_rnn.report.Measurement": Row(
        {
            "name": _TEXT,
            "value": Argument((0.5, 0.55), (None, *_NO_FINITE)),
            "low": Argument((0.4, 0.3), (None, 0.9, *_NO_FINITE)),
            "high": Argument((0.6, 0.7), (None, 0.1, *_NO_FINITE)),
            "n_seeds": Argument((3, 4), (-1, True, 2.5, NAN, "2", None)),
            "paper": Argument((None, 0.5), _NO_FINITE),
            "unit": _TEXT,
            "note": _TEXT,
        },
        _MEASURED,
    ),
    "sparse_rnn.report.Measurement.of": Row(
        {
            "name": _TEXT,
            "values": Argument(([0.5], [0.5, 0.6]), _NO_VALUES),
            "paper": Argument((None, 0.5), _NO_FINITE),
            "unit": _TEXT,
            "note": _TEXT,
        },
        {"name": "one", "values": [0.5, 0.7]},
        of=lambda _: Measurement,
    ),
    "sparse_rnn.report.Curve": Row(
        {
            "name": _TEXT,
            "x": Argument(((1.0, 2.0), (1.0, 3.0)), ((2.0, 1.0), *_NO_POINTS)),
            "mean": Argument(((0.5, 0.6), (0.5, 0.65)), _NO_POINTS),
            "low": Argument(((0.4, 0.5), (0.3, 0.5)), (None, (0.9, 0.9), *_NO_POINTS)),
            "high": Argument(((0.6, 0.7), (0.6, 0.8)), (None, (0.1, 0.1), *_NO_POINTS)),
            "x_label": _TEXT,
            "y_label": _TEXT,
            "panel": _TEXT,
            "family": _TEXT,
        },
        _CURVE,
    ),
    "sparse_rnn.report.Curve.of": Row(
        {
            "name": _TEXT,
            "x": Argument(([1, 2], [1, 3]), ([2, 1], [NAN, 1], "12", None), ([1],)),
            "values": Argument(
                ([[0, 1]], [[0, 1], [1, 1]]), ([[0]], [[0, NAN]], [[0, 1], [1]], "01", None)
            ),
            "labels": Argument((("a", "b"), ("a", "c")), (("a",), "ab"), (None, (1, 2))),
            "panel": _TEXT,
            "family": _TEXT,
        },
        {"name": "one", "x": [1, 2], "values": [[0, 1]], "labels": ("a", "b"), "panel": "p"},
        of=lambda _: type(made_curve()),
    ),
    "sparse_rnn.report.Finding": Row(
        {
            "id": Argument(("fig2a", "fig2b"), ("Fig 2", "../fig", "", None, 3)),
            **dict.fromkeys(("title", "question", "claim", "reason", "method", "machine"), _TEXT),
            "scale": Argument(("laptop", "paper"), NO_NAMES),
            "verdict": Argument(("reproduced", "inconclusive"), (*NO_NAMES, "not run")),
            "measured": Argument(
                (_ONE.measured, _ONE.measured[:1]), ((), None, 3, (0.5,), "measured")
            ),
            "figures": Argument(((), ("a.svg",)), (("../a.svg",), ("a.png",), None, (3,), "a.svg")),
            "curves": Argument((_ONE.curves, ()), (None, 3, (0.5,), "curves")),
            "seeds": Argument(((0, 1), (0, 2)), ((-1,), (True,), (0.5,), ("0",), None, 3, (0, 0))),
            "command": Argument(("one", "another"), ("", *_NO_TEXTS)),
            "commit": Argument(("one", "another"), ("", *_NO_TEXTS)),
            "date": Argument((_DATE, datetime.date(2026, 1, 1)), ("2026-11-25", None, 3)),
        },
        _FINDING,
    ),
    "sparse_rnn.report.Finding.from_json": Row(
        {
            "text": Argument(
                (_ONE.to_json(), _TWO.to_json()),
                free="the error names the field: tests/sparse_rnn/report/test_findings.py",
            )
        },
        of=lambda _: type(_ONE),
    ),
    "sparse_rnn.report.check_commits": Row(
        {
            "argument": Argument(("runs", "findings"), by_error=True, free="any name"),
            "commits": Argument((["a", "b"], ["a", "a"]), free="names; the error names `argument`"),
            "mixed_commits": _MIXED,
        },
        {"argument": "runs", "commits": ["a", "b"], "mixed_commits": False},
    ),
    "sparse_rnn.report.commits_of": Row(
        {"runs": Argument(([_RUN], Made(lambda w: [w.run])), loud=(None, 3, [None], ["folder"]))},
    ),
    "sparse_rnn.report.mean_interval": Row(
        {"values": Argument(([0.5], [0.5, 0.6]), _NO_VALUES)},
    ),
    "sparse_rnn.report.findings_page": Row(
        {
            "findings": Argument(([_ONE], [_TWO]), ([], [_ONE, _ONE]), _NO_FINDINGS),
            "folder": Argument(
                unseen="where figures lie: tests/sparse_rnn/report",
                free="read where there are figures",
            ),
            "title": _TITLE,
            "mixed_commits": Argument((False, True), NO_FLAGS, at={"findings": [_ONE, _TWO]}),
            "damaged": _DAMAGED,
        },
        {"findings": [_ONE], "folder": Made(lambda w: w.folder)},
    ),
    "sparse_rnn.report.markdown": Row(
        {
            "findings": Argument(([_ONE], [_TWO]), ([], [_ONE, _ONE]), _NO_FINDINGS),
            "expected": Argument(({}, {"fig9": "Figure 9"}), loud=(None, 3, ["fig9"])),
            "title": _TITLE,
            "mixed_commits": Argument((False, True), NO_FLAGS, at={"findings": [_ONE, _TWO]}),
            "damaged": _DAMAGED,
            "fair": Argument((None, {}, {_ONE.id: ""}), ({"fig9": ""},), (3, "fig9", [_ONE.id])),
            "pictures": Argument((None, "one", "two"), (3, b"one")),
            "figures": Argument((None, "one", "two"), (3, b"one"), at={"findings": [_DRAWN]}),
            "first": Argument(("", _ONE.id), ("fig9", 3)),
        },
        {"findings": [_ONE]},
    ),
    "sparse_rnn.report.strip": Row(
        {"measured": Argument((_ONE.measured, _ONE.measured[1:], ()), loud=(None, 3, [None]))}
    ),
    "sparse_rnn.report.overview": Row(
        {
            "runs": Argument((_RUNS, {"two": _OTHER}), ({}, None), _NO_RUNS),
            "floors": Argument(
                ({}, _FLOOR),
                ({"floor": {}}, {"floor": {"Go": NAN, "Anti": 0.5}}),
                (None, 3, ["floor"]),
            ),
            "damaged": _DAMAGED,
        },
        {"runs": _RUNS},
    ),
    "sparse_rnn.report.runs_page": Row(
        {
            "runs": Argument((_RUNS, {"two": _OTHER}), ({}, None), _NO_RUNS),
            "title": _TITLE,
            "mixed_commits": Argument(
                (False, True),
                NO_FLAGS,
                at={"runs": Made(lambda w: {"here": _RUN, "there": w.run})},
            ),
            "damaged": _DAMAGED,
        },
        {"runs": _RUNS},
    ),
    "sparse_rnn.report.analysis_page": Row(
        {
            "run": Argument((_RUN, _OTHER), (None, "no run", 3)),
            "result": Argument((_EMPTY, _DONE), (None, {}, 3)),
        },
        {"run": _RUN, "result": _EMPTY},
    ),
    "sparse_rnn.report.sheet": Row(
        {"mask": MASKS, "unit": Argument((None, 1), (-1, 9, True, 0.5, "1", NAN))},
        {"mask": MASK},
    ),
}
