"""The page of finished runs: one HTML file that asks for nothing beyond itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.evaluation.history import BURST_RULE
from sparse_rnn.evaluation.scores import TaskScores
from sparse_rnn.report import _words as words
from sparse_rnn.report._charts import Panel, charts
from sparse_rnn.report._drawn import FORMS, drawn
from sparse_rnn.report._html import Html, Node, data_link, document, join, table, tag
from sparse_rnn.report._mixing import check_commits, mixing_warning, not_shown
from sparse_rnn.report._quantities import Curve
from sparse_rnn.report._records import RunRecord, commits_of, family, loaded, read_record
from sparse_rnn.report._seeds import by_seed, mean_scores
from sparse_rnn.report._table import CHANCE_NOTE, table_values
from sparse_rnn.report.findings import NONE
from sparse_rnn.report.overview import Source, overview
from sparse_rnn.runs.finished import FinishedRun
from sparse_rnn.training.optimiser import BURST_REMEDY

TITLE = "Training runs"
MEASURES = {
    "final_accuracy": "fraction of trials whose answer at the last step is right",
    "performance": "the same within 36°, with fixation kept before",
}
"""The measures of the page, in words; `sparse_rnn.evaluation.scores.TaskScores` defines them."""

LOSS_POINTS = 200
"""Most points of a loss curve; each is the mean over as many steps."""


def runs_page(
    runs: Mapping[str, Source],
    *,
    title: str = TITLE,
    mixed_commits: bool = False,
    damaged: Mapping[str, str] = NONE,
) -> str:
    """Show finished runs: learning curves, final scores by task, networks, configurations.

    Of runs that differ in their seed alone, curves and scores are means over seeds, and the curves
    have bands: 95 % intervals of the mean.

    Args:
        runs: Runs or their folders, by the label they get. Their order is that of the page.
        title: Title of the page.
        mixed_commits: Whether they may be of different commits; the page then says so.
        damaged: Runs that cannot be shown, by their labels, and why; the page says so.

    Returns:
        The HTML. Curves and what can be saved are in it.

    Raises:
        InvalidArgument: There is no run, or commits are mixed.
        RunConflict: A folder holds no run.
        FileNotFoundError: A run has not ended.
        IncompatibleState: A file is damaged.
    """
    if not runs:
        raise InvalidArgument("runs", {}, "at least one run")
    read = {label: loaded(run) for label, run in runs.items()}
    records = {label: read_record(run) for label, run in read.items()}
    made_with = commits_of(read.values())
    check_commits("runs", made_with, mixed_commits=mixed_commits)
    groups = by_seed(read)
    scores = {
        label: mean_scores([run.evaluation for run in group]) for label, group in groups.items()
    }
    first = tag("p", _overview_links(read), class_="facts downloads")
    header = tag(
        "header", tag("h1", title), first, mixing_warning(made_with), not_shown(damaged), id="top"
    )
    return document(
        title,
        header,
        tag(
            "main",
            _section("curves", "Learning curves", _curves(groups)),
            _section("scores", "Final scores by task", *_score_tables(scores)),
            *_stages(groups),
            _section("networks", "Networks", _networks(records)),
            _section("settings", "Settings", *_settings(groups)),
        ),
    )


def _section(name: str, title: str, *children: Node) -> Html:
    heading = tag("div", tag("h2", title, id=f"{name}-title"), class_="head")
    return tag("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def _overview_links(runs: Mapping[str, Source]) -> Html:
    figure = overview(runs)
    links = [
        data_link(drawn(figure, suffix, "overview"), kind, "overview" + suffix, suffix[1:].upper())
        for suffix, kind in FORMS.items()
    ]
    return join("Curves and scores as one figure: ", links[0], " or ", *links[1:])


def _curves(groups: Mapping[str, Sequence[FinishedRun]]) -> Node:
    everything = {label: group[0].evaluation for label, group in groups.items()}
    mean_chance = float(table_values(everything)[2].mean())
    known = () if math.isnan(mean_chance) else ((f"chance {mean_chance:.2f}", mean_chance),)
    marks = {label: _bursts(group) for label, group in groups.items()}
    panels = [
        Panel(
            tuple(_measure_curve(label, group, measure) for label, group in groups.items()),
            known if measure == "final_accuracy" else (),
            marks=marks,
        )
        for measure in MEASURES
    ]
    losses = tuple(_loss_curve(label, group) for label, group in groups.items())
    panels.append(Panel(losses, log=True, marks=marks))
    return join(charts(panels, "curves"), _told_bursts(groups))


def _bursts(group: Sequence[FinishedRun]) -> list[int]:
    """Steps at which the gradient or the loss of any of the runs burst."""
    return sorted({int(step) for run in group for step in run.history.bursts()})


def _told_bursts(groups: Mapping[str, Sequence[FinishedRun]]) -> Html | None:
    """Say which runs had bursts: the mean over many steps hides them in a curve."""
    told = [
        tag("li", f"{label}, seed {run.config.seed}: {run.history.told_bursts()}.")
        for label, group in groups.items()
        for run in group
        if run.history.bursts().size
    ]
    if not told:
        return None
    about = f"Bursts, marked by a cross ({BURST_RULE}). They come of {BURST_REMEDY}."
    return tag("div", tag("p", about), tag("ul", *told), class_="facts bursts")


def _measure_curve(label: str, group: Sequence[FinishedRun], measure: str) -> Curve:
    steps, _ = group[0].history.curve(measure)
    values = [run.history.curve(measure)[1] for run in group]
    labels = ("gradient steps", "mean over tasks, held-out trials")
    panel = measure.replace("_", " ").capitalize()
    return Curve.of(label, steps, values, labels, panel, family(group[0]))


def _loss_curve(label: str, group: Sequence[FinishedRun]) -> Curve:
    blocks = min(LOSS_POINTS, len(group[0].history))
    steps = [part[-1] for part in np.array_split(group[0].history["step"], blocks)]
    losses = [
        [part.mean() for part in np.array_split(run.history["loss"], blocks)] for run in group
    ]
    labels = ("gradient steps", "cross entropy, nats per time step")
    return Curve.of(label, steps, losses, labels, "Training loss", family(group[0]))


def _score_tables(scores: Mapping[str, TaskScores]) -> list[Html]:
    accuracy, performance = MEASURES
    more = tag(
        "details",
        tag("summary", "Performance: " + MEASURES[performance]),
        _score_table(scores, performance, chance=False),
    )
    text = f"Final accuracy: {MEASURES[accuracy]}. {CHANCE_NOTE.capitalize()}."
    return [tag("p", text, class_="facts"), _score_table(scores, accuracy, chance=True), more]


def _score_table(scores: Mapping[str, TaskScores], measure: str, *, chance: bool) -> Html:
    tasks, values, by_chance = table_values(scores, measure)
    rows = [
        _score_row(task, values[i], by_chance[i] if chance else None)
        for i, task in enumerate(tasks)
    ]
    means = np.array([one.mean(measure) for one in scores.values()])
    mean = float(by_chance.mean()) if chance else None
    rows.append(_score_row("mean", means, mean, class_="mean"))
    names = [*scores, *["chance"] * chance]
    head = ("task", *(tag("th", name, scope="col", class_="number") for name in names))
    return table(head, rows, label=f"{measure} by task", class_="short")


def _score_row(task: str, values: Any, chance: float | None, class_: str | None = None) -> Html:
    cells: list[Html] = []
    for value in map(float, values):
        if math.isnan(value):
            cells.append(tag("td", words.DASH, class_="number"))
        else:
            cells.append(tag("td", f"{value:.2f}", class_="heat", style=f"--share: {value:.3f}"))
    if chance is not None:
        told = words.DASH if math.isnan(chance) else f"{chance:.2f}"
        cells.append(tag("td", told, class_="number soft"))
    return tag("tr", tag("th", task, scope="row"), *cells, class_=class_)


def _stages(groups: Mapping[str, Sequence[FinishedRun]]) -> list[Html]:
    """The scores at the end of each stage, of runs that have stages."""
    tables: list[Html] = []
    for label, group in groups.items():
        found = [run.stage_matrix for run in group if run.stage_matrix is not None]
        # Runs that a target or a callback ended have fewer stages than others.
        same = [one for one in found if one.scores.shape == found[0].scores.shape]
        if not found or len(same) < len(group):
            continue
        first = found[0]
        scores = np.mean([one.scores for one in same], axis=0)
        names = [f"after stage {name}" for name in first.stages]
        if known := [one.ended_at for one in same if one.ended_at]:
            pairs = zip(names, zip(*known, strict=True), strict=True)
            names = [f"{name} ({_steps(ends)})" for name, ends in pairs]
        columns = list(zip(names, scores, strict=True))
        before = [one.before for one in same if one.before is not None]
        if len(before) == len(same):
            columns = [("before", np.mean(before, axis=0)), *columns]
        rows = [
            _score_row(task, [values[i] for _, values in columns], None)
            for i, task in enumerate(first.tasks)
        ]
        heads = (tag("th", name, scope="col", class_="number") for name, _ in columns)
        transfer = float(np.mean([one.backward_transfer() for one in same]))
        text = f"{label}. Performance: {MEASURES['performance']}."
        if not math.isnan(transfer):
            text += f" Backward transfer {transfer:.2f} (below 0 is forgetting)."
        tables.append(tag("p", text, class_="facts"))
        about = f"performance of {label} by task and stage"
        tables.append(table(("task", *heads), rows, label=about, class_="short"))
    return [_section("stages", "One stage after another", *tables)] if tables else []


def _steps(ends: Sequence[int]) -> str:
    """The steps at which a stage of several runs has ended."""
    first, last = min(ends), max(ends)
    return f"step {first}" if first == last else f"steps {first} to {last}"


def _networks(records: Mapping[str, RunRecord]) -> Html:
    rows = [
        tag(
            "tr",
            tag("th", label, scope="row"),
            tag("td", record.network),
            _number(words.number(record.parameters)),
            _number(words.number(record.units)),
            _number(words.number(record.synapses)),
            _number(_density(record)),
            tag("td", record.backend),
            _number(words.number(record.steps)),
            _number(words.number(round(record.seconds))),
            tag("td", tag("code", ", ".join(map(words.commit, record.commits)))),
            tag("td", record.machine),
        )
        for label, record in records.items()
    ]
    titles = ("parameters", "units", "synapses", "density")
    head = (
        "run",
        "network",
        *(tag("th", title, scope="col", class_="number") for title in titles),
        "backend",
        *(tag("th", title, scope="col", class_="number") for title in ("steps", "seconds")),
        "commit",
        "machine",
    )
    return table(head, rows, label="Networks and how they were trained")


def _density(record: RunRecord) -> str:
    if record.units is None or record.synapses is None:
        return words.number(None)
    return f"{100 * record.synapses / record.units**2:.3g} %"


def _number(text: str) -> Html:
    return tag("td", text, class_="number")


def _settings(groups: Mapping[str, Sequence[FinishedRun]]) -> list[Html]:
    dumped = {label: group[0].config.model_dump(mode="json") for label, group in groups.items()}
    for label, group in groups.items():
        dumped[label]["seed"] = words.seeds([run.config.seed for run in group])
    names = list(dict.fromkeys(name for settings in dumped.values() for name in settings))
    values = {name: [settings.get(name) for settings in dumped.values()] for name in names}
    differing = [name for name in names if any(one != values[name][0] for one in values[name])]
    shared = [name for name in names if name not in differing]
    head = ("setting", *groups)
    parts: list[Html] = []
    if differing:
        rows = [_setting_row(name, values[name]) for name in differing]
        parts.append(table(head, rows, label="Settings that differ", class_="short"))
    elif len(groups) > 1:
        parts.append(tag("p", "All settings are the same.", class_="facts"))
    rows = [_setting_row(name, values[name][:1]) for name in shared]
    about = "The settings that all runs share" if len(groups) > 1 else "All settings"
    inner = table(("setting", "value"), rows, label=about, class_="short")
    parts.append(tag("details", tag("summary", about), inner))
    return parts


def _setting_row(name: str, values: list[Any]) -> Html:
    return tag("tr", tag("th", tag("code", name), scope="row"), *(_setting(one) for one in values))


def _setting(value: Any) -> Html:
    if isinstance(value, list):
        # Sizes are short numbers; a suite may be a list of tasks.
        value = (", " if any(isinstance(one, str) for one in value) else "x").join(map(str, value))
    return tag("td", words.DASH if value is None else str(value))
