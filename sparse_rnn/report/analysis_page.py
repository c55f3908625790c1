"""The page of an analysis: one HTML file with every figure and what it shows and does not show."""

from __future__ import annotations

from sparse_rnn.analysis import AnalysisResult, Caption
from sparse_rnn.report import _words as words
from sparse_rnn.report._html import Html, document, join, table, tag
from sparse_rnn.report._inline_svg import inline
from sparse_rnn.system.arguments import instance
from sparse_rnn.training.run import Run

PAGE = "index.html"
"""Name of the page, beside the files that it links to."""


def analysis_page(run: Run, result: AnalysisResult) -> str:
    """Show all that `sparse_rnn.analysis.analyze` made of a run.

    Args:
        run: The run.
        result: What was made; its figures are read from its folder.

    Returns:
        The HTML. The figures are in it; it links to the files of the analysis by their names, so
        that it is to stand in their folder, as `PAGE`.

    Raises:
        IncompatibleState: A figure is no SVG.
        RunDamaged: A figure is no regular file.
        FileNotFoundError: A figure is missing.
    """
    instance("run", run, Run)
    instance("result", result, AnalysisResult)
    name = run.folder.name if run.folder else "a network"
    title = f"Analysis of {name}"
    found = [
        tag(
            "tr",
            tag("th", tag("a", _titled(one), href=f"#{_id(one)}"), scope="row"),
            tag("td", sentence),
        )
        for one, sentence in result.done.items()
    ]
    return document(
        title,
        tag("header", tag("h1", title), tag("p", _told(run), class_="facts"), id="top"),
        tag(
            "main",
            table(("analysis", "what was found"), found, label="What was found"),
            *(_section(one, sentence, result) for one, sentence in result.done.items()),
            _left_out(result),
            _files(result),
        ),
    )


def _told(run: Run) -> str:
    config, mask = run.config, run.network.rnn.mask
    tasks = dict.fromkeys(run.evaluation.tasks)
    return (
        f"{mask.n_units} {config.cell} units, {words.number(mask.nnz)} recurrent synapses "
        f"({config.arch}, {100 * mask.density:.3g} % of all), {len(tasks)} tasks, "
        f"{words.number(len(run.history))} gradient steps, seed {config.seed}. Mean accuracy "
        f"{run.evaluation.mean('final_accuracy'):.2f} on held-out trials; chance is "
        f"{run.evaluation.mean('chance'):.2f}. One network: another seed may look different."
    )


def _section(name: str, sentence: str, result: AnalysisResult) -> Html:
    head = tag(
        "div",
        tag("h2", _titled(name), id=f"{_id(name)}-title"),
        tag("a", "all findings", href="#top", class_="up"),
        class_="head",
    )
    figures = [
        _figure(key, caption, result)
        for key, caption in result.captions.items()
        if caption.analysis == name
    ]
    return tag(
        "section",
        head,
        tag("p", sentence, class_="question"),
        *figures,
        id=_id(name),
        aria_labelledby=f"{_id(name)}-title",
    )


def _figure(name: str, caption: Caption, result: AnalysisResult) -> Html:
    drawn = tag(
        "div",
        inline(result.folder / f"{name}.svg", caption.shows, adapt=True),
        class_="plate adapted",
        tabindex="0",
        role="region",
        aria_label=f"Figure {name.replace('_', ' ')}",
    )
    links = (tag("a", kind.upper(), href=f"{name}.{kind}") for kind in ("png", "svg"))
    words_ = tag(
        "figcaption",
        tag("p", tag("strong", "What one sees. "), caption.shows),
        tag("p", tag("strong", "What it does not show. "), caption.hides),
        tag("span", *links, class_="downloads"),
    )
    return tag("figure", drawn, words_, class_="drawn told")


def _left_out(result: AnalysisResult) -> Html | None:
    if not result.skipped:
        return None
    pairs = (
        join(tag("dt", _titled(name)), tag("dd", reason)) for name, reason in result.skipped.items()
    )
    heading = tag("div", tag("h2", "Left out", id="left-out-title"), class_="head")
    about = tag("p", "These analyses do not apply to this run.", class_="facts")
    pairs = tag("dl", *pairs)
    return tag("section", heading, about, pairs, id="left-out", aria_labelledby="left-out-title")


def _files(result: AnalysisResult) -> Html:
    files = [name for name in result.files if name.endswith((".csv", ".json"))]
    links = [tag("li", tag("a", tag("code", name), href=name)) for name in files]
    heading = tag("div", tag("h2", "Numbers", id="numbers-title"), class_="head")
    about = "Tables of the numbers behind the figures; docs/analysis.md says what each means."
    listed = tag("ul", *links)
    text = tag("p", about, class_="facts")
    return tag("section", heading, text, listed, id="numbers", aria_labelledby="numbers-title")


def _titled(name: str) -> str:
    return name[:1].upper() + name[1:]


def _id(name: str) -> str:
    return name.replace(" ", "-")
