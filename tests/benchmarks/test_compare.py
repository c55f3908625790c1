"""The comparison of sparsifiers: its rows, what they cost, how they are judged, and a smoke."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from benchmarks.compare import _analysis as analysis, _design as design, _work as work
from benchmarks.compare.__main__ import main
from benchmarks.compare._chains import RidgeArm, TicketArm
from benchmarks.compare._design import DESIGNS
from benchmarks.compare._entries import entry, write
from benchmarks.compare._methods import CONTROL, FROM_DENSE, LOCAL, LOUDER, SPARSE, Method, Place
from benchmarks.compare.claims import CLAIMS
from benchmarks.compare.table import EXPERIMENTS, Comparison
from benchmarks.paper import _cost as cost
from benchmarks.paper._arms import Arm, Results, Trained
from benchmarks.paper._learning import Learned
from benchmarks.paper._scales import SCALES
from benchmarks.paper._statistics import OPEN, REFUTED, REPRODUCED, SHARE, Sample, verdict
from sparse_rnn.evaluation.history import COLUMNS
from sparse_rnn.report import findings
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.training.work import Spent

SMOKE, LAPTOP = SCALES["smoke"], SCALES["laptop"]
LOW, HIGH = DESIGNS["laptop"].small
SEEDS = range(5)
BY_NAME = {method.name: method for method in (*SPARSE, *FROM_DENSE, LOUDER)}


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """The command sets the number of threads of its process, which here is that of all tests."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_every_sparsifier_of_the_package_has_a_row() -> None:
    names = [method.name for method in (*SPARSE, *FROM_DENSE)]
    assert len(set(names)) == len(names)
    settings = [method.settings(LOW) for method in (*SPARSE, *FROM_DENSE)]
    found = {one["sparsifier"] for one in settings if "sparsifier" in one}
    registered = set(srnn.sparsify.METHODS) | set(srnn.sparsify.CHANGING)
    assert registered | {"str", "l0", "imp"} == found
    # What tells most is carried out first.
    assert [method.name for method in SPARSE[:5]] == [
        CONTROL.name,
        LOCAL.name,
        "rigl",
        "set",
        "snip",
    ]


def first(method: Method, place: Place) -> srnn.TrainConfig:
    """A run of a method with the first of its settings."""
    found = dict(design.search(method, place, LAPTOP).candidates[0])
    found.pop("ridge", None)
    return srnn.TrainConfig(**found)


@pytest.mark.parametrize("place", [LOW, HIGH], ids=["low", "high"])
def test_all_have_the_synapses_of_the_local_mask(place: Place) -> None:
    n_synapses = srnn.masks.locality((20, 20), radius=place.radius).nnz
    assert round(place.density * place.n_units**2) == n_synapses
    for method in (*SPARSE, *FROM_DENSE):
        config = first(method, place)
        if method.name == "dense" or method.strength:
            assert config.build_mask().nnz == 400**2
        elif "density" in config.sparsifier_options:
            assert round(config.sparsifier_options["density"] * 400**2) == n_synapses
        else:
            assert config.build_mask().nnz == n_synapses, method.name


def test_a_ticket_takes_as_many_levels_as_its_place_says() -> None:
    (ticket,) = (method for method in FROM_DENSE if method.kind is TicketArm)
    for place in (LOW, HIGH):
        config = first(ticket, place)
        assert TicketArm("", {}).place(Path(), config).name == f"level-{place.levels:02d}"
        assert len(cost.trainings(config)) == 1 + place.levels


def test_nothing_is_chosen_on_the_seeds_that_are_compared() -> None:
    for made in DESIGNS.values():
        for effort in (made.effort, made.large_effort):
            seeds = {seed for rung in effort.rungs for seed in rung.seeds} | {design.SEARCH}
            assert not seeds & set(effort.seeds)


def test_the_board_takes_the_runs_of_a_laptop() -> None:
    config = first(CONTROL, LOW)
    assert (config.suite, config.steps, config.final_batches) == ("mod-cog-84", 2000, 50)
    assert (config.batch_size, config.seq_len) == (20, 100)
    # Records then say exactly how many synapses each update had.
    assert LOW.every % config.eval_every == 0


def tiny(**more: Any) -> srnn.TrainConfig:
    settings: dict[str, Any] = {
        "suite": ("Go", "DMS"),
        "arch": "dense",
        "size": 10,
        "steps": 6,
        "batch_size": 2,
        "seq_len": 40,
        "eval_every": 2,
        "eval_batches": 1,
        "final_batches": 1,
    }
    return srnn.TrainConfig(**{**settings, **more})


def by(sparsifier: str, **options: Any) -> srnn.TrainConfig:
    return tiny(sparsifier=sparsifier, sparsifier_options={"density": 0.3, **options})


def test_evaluations_take_no_time(tmp_path: Path) -> None:
    elapsed, evaluated = (5.0, 6.0, 9.0, 10.0, 11.5, 15.0), (3, 6)
    rows = [
        ",".join(map(str, (step, 1, 1, 1, at, *((0.5 if step in evaluated else ""),) * 4)))
        for step, at in enumerate(elapsed, 1)
    ]
    text = "\n".join([",".join(COLUMNS), *rows]) + "\n"
    (tmp_path / run_folder.METRICS).write_text(text, encoding="utf-8")
    # 5 s to the end of the first step, then steps of 1, 1 and 1.5 s, and two that count 1 s.
    assert work.seconds(Arm("", {}), Trained(tiny(), tmp_path)) == 5 + 1 + 1 + 1 + 1.5 + 1


def test_all_levels_of_a_ticket_are_counted(tmp_path: Path) -> None:
    config = by("imp", keep=0.5)
    arm = TicketArm("ticket", {})
    arm.train(config, arm.place(tmp_path, config))
    run = Trained(config, arm.place(tmp_path, config))
    assert run.network().rnn.mask.nnz == 30
    levels = [tmp_path / "tickets" / run.folder.parent.name / f"level-0{i}" for i in range(3)]
    costs = [Spent.read(folder).work() for folder in levels]
    # Dense, half and less than a third of the recurrent weights.
    assert costs[0] > costs[1] > costs[2]
    assert work.multiply_adds(arm, run) == sum(costs)
    alone = [work.seconds(Arm("", {}), Trained(tiny(), folder)) for folder in levels]
    assert work.seconds(arm, run) == pytest.approx(sum(alone))


def test_a_readout_in_closed_form_is_scored_as_a_run_is(tmp_path: Path) -> None:
    settings = {
        **dict(tiny(recurrence="frozen", freeze="input", nonlinearity="tanh")),
        "ridge": 0.1,
        "seed": None,
        "start": None,
    }
    del settings["seed"]
    arm = RidgeArm("ridge", settings, (3,))
    (config,) = arm.configs(SMOKE)
    folder = arm.place(tmp_path, config)
    arm.train(config, folder)
    (run,) = Results(tmp_path).arm(arm, SMOKE)
    assert run.scores().tasks == ("Go", "DMS")
    assert run.history().curve("performance")[0].tolist() == [6]
    n_weights = 10 * (run.network().rnn.input_size + 10 + 17)
    assert work.multiply_adds(arm, run) == 6 * 80 * (n_weights + 11 * (11 + 17))
    other = RidgeArm("ridge", {**settings, "ridge": 1.0}, (3,))
    assert other.place(tmp_path, config) != folder


@given(
    powers=st.lists(st.floats(-5, 0), min_size=1, max_size=5, unique=True),
    density=st.floats(0.01, 0.5),
)
def test_a_strength_is_looked_for_where_it_can_be(powers: list[float], density: float) -> None:
    # What is left falls with the strength.
    found = {10.0**power: 0.9 * 10 ** (-0.4 * (power + 5)) for power in powers}
    value = design.next_strength(found, density)
    weaker = [one for one, left in found.items() if left >= density]
    stronger = [one for one, left in found.items() if left < density]
    assert value >= max(weaker, default=0.0) * 0.99
    assert value <= min(stronger, default=np.inf) * 1.01
    assert design.nearest(found, density) in found


def learned(levels: list[float]) -> Learned:
    """A control that was looked at after 1000, 2000, ... steps."""
    steps = 1000.0 * np.arange(1, len(levels) + 1)
    spread = 0.01 * np.array([-1.0, 1.0, 0.5, -0.5, 0.0])
    runs: Any = tuple(Trained(tiny(seed=seed), Path()) for seed in SEEDS)
    values = np.array(levels)[None, :] + spread[:, None]
    return Learned(Arm("long", {"steps": 6000}), runs, (), steps, values, {}, 0.01)


def about(value: float) -> Sample:
    spread = 0.01 * np.array([1.0, -1.0, 0.5, 0.0, -0.5])
    return Sample.of(SEEDS, value + spread, SHARE)


def met(
    finals: dict[str, float], *, work_of: float = 1.0, time_of: float = 1.0, n: int = 5
) -> analysis.Analysis:
    """What would be measured; the control is at 0.6 after 2000 steps, and gets better."""
    long = learned([0.4, 0.6, 0.7, 0.75])
    control = analysis.Control(long.at(2000), 2000, 1e9, 40.0, long)
    entrants = tuple(
        analysis.Entrant(
            BY_NAME[name],
            LOW,
            {"init": "fan_in", "lr": 1e-3},
            Sample({seed: about(value).by_seed[seed] for seed in range(n)}, bounds=SHARE),
            work_of * 1e9,
            time_of * 40.0,
            LOW.density,
            2000,
            control,
        )
        for name, value in finals.items()
    )
    return analysis.Analysis(entrants, "Made up.", {}, ())


EVEN = {CONTROL.name: 0.6, "local": 0.61, "rigl": 0.6, "snip": 0.5}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (met(EVEN), REPRODUCED),
        (met({**EVEN, "rigl": 0.8}), REFUTED),
        (met({**EVEN, "local": 0.8}), REFUTED),
        (met({**EVEN, "rigl": 0.65}), OPEN),
        (met(EVEN, n=2), OPEN),
        (replace(met(EVEN), lacking=("set",)), OPEN),
    ],
    ids=["nobody leads", "a method does", "local does", "at the margin", "two seeds", "one lacks"],
)
def test_the_claim_is_judged(found: analysis.Analysis, expected: str) -> None:
    outcome = analysis.outcome(CLAIMS["rivals_low"], found)
    assert verdict(outcome.checks, outcome.untested) == expected
    names = [one.name for one in outcome.measured]
    assert len(set(names)) == len(names)


def test_a_control_that_was_added_later_is_shown_and_not_judged() -> None:
    outcome = analysis.outcome(CLAIMS["rivals_large"], met({**EVEN, LOUDER.name: 0.8}))
    assert verdict(outcome.checks, outcome.untested) == REPRODUCED
    assert f"lead at equal updates, {LOUDER.name}, {LOW.label}" in [
        one.name for one in outcome.measured
    ]


def test_a_figure_has_all_methods() -> None:
    drawn = analysis.figure(met(EVEN)).axes
    assert len(drawn) == 3
    assert all(ax.has_data() for ax in drawn)
    assert {text.get_text() for text in drawn[1].texts} == set(EVEN)


def test_at_equal_work_the_control_has_been_trained_for_as_much() -> None:
    (_, one) = met({CONTROL.name: 0.6, "gradual": 0.72}, work_of=1.6, time_of=9).entrants
    leads = {axis: (lead.mean, told) for axis, lead, told in one.leads()}
    assert leads["updates"][0] == pytest.approx(0.12)
    # 1.6 times 2000 steps, a fifth of the way from 3000 to 4000.
    assert leads["work"] == (pytest.approx(0.72 - 0.71), "the control after 3200 steps")
    # Nine times as long: it was trained for 4000 alone.
    assert leads["time"] == (pytest.approx(-0.03), "the control after 4000 steps, at less")
    # As much is as much.
    assert len(list(met({CONTROL.name: 0.6, "set": 0.6}, work_of=1.01).entrants[1].leads())) == 1
    assert list(met({CONTROL.name: 0.6}).entrants[0].leads()) == []


def test_who_is_ahead_is_said_for_as_many_comparisons() -> None:
    one = met({CONTROL.name: 0.6, "local": 0.7, "rigl": 0.6, "snip": 0.4})
    told = analysis.outcome(CLAIMS["rivals_low"], one).tested
    assert f"ahead of random for 3 comparisons: local, {LOW.label}." in told
    assert f"behind random for 3 comparisons: snip, {LOW.label}." in told


def test_a_plan_is_honest_and_puts_the_search_before_the_networks(tmp_path: Path) -> None:
    results = Results(tmp_path)
    (portion, *_) = Comparison("", "", lambda *_: [(m, LOW) for m in SPARSE]).portions(
        results, LAPTOP
    )
    assert [method.name for method, _ in portion][:2] == [CONTROL.name, LOCAL.name]
    arms = list(design.planned(CONTROL, LOW, results, LAPTOP))
    n_updates = [arm.settings["steps"] * len(arm.configs(LAPTOP)) for arm in arms]
    assert sum(n_updates[:-2]) == design.n_updates(CONTROL, LOW, LAPTOP) == 6 * 200 + 2 * 400
    assert n_updates[-2:] == [5 * 2000, 5 * 6000]
    assert [arm.settings["steps"] for arm in design.due(CONTROL, LOW, results, LAPTOP)] == [200] * 6
    sparse, whole = (cost.seconds(first(BY_NAME[name], LOW)) for name in ("rigl", "dense"))
    assert sparse < whole < cost.seconds(first(BY_NAME["imp"], LOW))


def few(results: Results, scale: Any) -> list[tuple[Method, Place]]:
    del results
    names = (CONTROL.name, "reservoir, ridge")
    return [(BY_NAME[name], DESIGNS[scale.name].small[0]) for name in names]


def test_a_comparison_runs_and_enters_the_board(tmp_path: Path, monkeypatch: Any) -> None:
    rules = srnn.board_protocol("rehearsal")
    base = {**rules.settings, "eval_every": rules.steps, "eval_batches": 1}
    smoke = DESIGNS["smoke"]
    short = replace(smoke, effort=replace(smoke.effort, base=base, seeds=rules.seeds))
    monkeypatch.setitem(design.DESIGNS, "smoke", short)
    results = Results(tmp_path, workers=0)
    comparison = Comparison("rivals_low", "Is it so?", few)
    assert comparison.analyse(results, SMOKE) is None
    assert comparison.left(results, SMOKE)
    comparison.work(results, SMOKE)
    assert comparison.left(results, SMOKE) == []
    found = comparison.analyse(results, SMOKE)
    assert found is not None
    assert [one.method.name for one in found.entrants] == [m.name for m, _ in few(results, SMOKE)]
    assert found.entrants[0].density == 5 / 16
    assert found.lacking == ()
    place = short.small[0]
    told = entry(CONTROL, place, results, SMOKE, "python -m x")
    assert told is not None
    assert (told["earlier"], told["diverged"], told["search_updates"]) == ([], [], 0)
    assert entry(BY_NAME["reservoir, ridge"], place, results, SMOKE, "") is None
    folder = tmp_path / "board"
    left = write(results, SMOKE, folder, rules.name)
    assert left["reservoir, ridge, N=16, 31.25 %"] == left["dense, N=16"] == "no run of its own"
    (path,) = folder.glob("*.json")
    assert path.name == "random-equal-in-degree-n-16-31.25.json"
    made = srnn.BoardEntry.read(path)
    assert (made.density, len(made.finished)) == (5 / 16, 3)
    why = write(results, SMOKE, tmp_path / "other", "mod-cog-84")[f"{CONTROL.name}, {place.label}"]
    assert "suite" in why
    assert list((tmp_path / "other").iterdir()) == []


def test_the_command_knows_its_experiments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(EXPERIMENTS) == set(CLAIMS)
    where = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    assert main(["--dry-run", "--scale", "smoke", *where]) == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert set(CLAIMS) <= set(rows)
    assert int(rows["rivals_large"][2]) > 0
    assert main(["fig2a", *where]) == 2
    assert "rivals_low" in capsys.readouterr().err


@pytest.mark.slow
def test_the_smoke_scale_runs(tmp_path: Path) -> None:
    where = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    assert main(["--scale", "smoke", "--workers", "0", *where]) == 0
    found = findings.read_all(tmp_path / "results" / "smoke")
    assert {one.id for one in found} == set(CLAIMS)
    assert {one.verdict for one in found} == {OPEN}
    assert all(one.measured and one.seeds == (0, 1) for one in found)
    results = Results(tmp_path / "runs")
    assert all(one.left(results, SMOKE) == [] for one in EXPERIMENTS.values())
