"""The task gallery: a picture and a sentence for every task, as one page of the site.

A picture is an SVG of a few kB without a renderer behind it: 168 of them take about a second, so
the site's build draws them and none is committed. Run ``python docs/tools/gallery.py FOLDER`` to
have them without the site.
"""

from __future__ import annotations

import html
import itertools
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import modcog
from modcog.explore.serving import ADDRESS, PORT
from modcog.plotting.palette import DUE, INK, PALE, PAPER, SOFT, direction_colors
from modcog.ring import BUMP_HEIGHT

MS_PER_STEP = 100.0
PX_PER_STEP = 6.4
ROW_PX = 2.75
LEFT_PX, TOP_PX, GAP_PX = 44.0, 12.0, 6.0
CUE_PX = 6.0
LEVELS = 5
"""Shades of a ring input: finer ones are not seen at this size and make the files larger."""

INTERVAL_MS = 400.0
"""The timed interval of all pictures with Int: the answers have then moved by four units."""

SYNONYMS = {
    "reach": "reaching, saccade, motor response",
    "decision": "decision making, perceptual decision, evidence, accumulation, coherence, choice",
    "matching": "delayed match to sample, recognition",
    "delay": "memory, working memory, short-term memory, hold, retention, delayed",
    "timed": "timing, time interval, duration, measure time, clock, estimation",
    "tracks": "sequence, trajectory, moving answer, movement, continuous",
    "anti": "opposite, inhibition, remapping, antisaccade, anti-saccade, reverse",
    "reaction_time": "reaction time, immediate, speeded, at once",
    "context": "rule, gating, attention, selection, ignore, distractor, irrelevant",
    "two_stimuli": "two stimuli, comparison, compare, second stimulus, pair",
    "match": "match to sample, comparison, same, recognition",
    "category": "categorisation, categorization, classification, class",
    "nonmatch": "non-match, different, oddball, novelty",
    "withholds": "go no-go, go/no-go, no-go, nogo, inhibit, no response, stop",
}
"""What the field calls a family or a feature of `modcog.features`; the search knows it."""

FAMILIES = {"reach": "Reach", "decision": "Decision", "matching": "Matching"}


def pictured_trial(name: str) -> modcog.Trials:
    """The noise-free trial that stands for a task; all tasks show the same places."""
    spec = modcog.task(name, noise=0, dt=MS_PER_STEP)
    given = dict(_GIVEN[spec.family](spec.params))
    if timed := modcog.features([spec])[name]["timed"]:
        given[str(timed)] = INTERVAL_MS
    return modcog.sample(spec, np.random.default_rng(0), 1, given)


def _reach(params: Any) -> dict[str, Any]:
    del params
    return {"ring": 0, "location": 5}


def _decision(params: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"fixation": 300.0, "location": 5, "separation": 6}
    both = len(params.judged) == 2
    for ring in params.shown:
        favoured = ring == params.judged[0]
        if hasattr(params, "coherences"):
            given[f"coherence{ring + 1}"] = 0.64 if favoured else -0.16 if both else -0.64
        else:
            # A ring that is not judged says the opposite; two judged rings disagree in part.
            pair = (1.0, 0.3) if favoured else (0.6, 1.0) if both else (0.3, 1.0)
            given[f"first{ring + 1}"], given[f"second{ring + 1}"] = pair
    return given


def _matching(params: Any) -> dict[str, Any]:
    return {"ring": 0, "sample_location": 5, "match": params.go_if_match}


_GIVEN = {"reach": _reach, "decision": _decision, "matching": _matching}


def picture(name: str) -> str:
    """Draw a task as SVG: fixation input, both rings, the target, and where the answer is due."""
    trials = pictured_trial(name)
    trials.rule[:], trials.lane[:], trials.start[:] = 0, 0, 0
    observations, targets, _ = modcog.render(trials, n_rules=1)
    n = trials.dim_ring
    n_steps, go = len(targets), int(trials.decision_start[0])
    ring_px, width_px = n * ROW_PX, n_steps * PX_PER_STEP
    ob = observations[:, 0]
    tops = [TOP_PX, TOP_PX + CUE_PX + GAP_PX]
    tops.append(tops[1] + ring_px + GAP_PX)
    tops.append(tops[2] + ring_px + GAP_PX)
    bottom = tops[3] + ring_px + ROW_PX * 2
    go_x = LEFT_PX + go * PX_PER_STEP
    answer = np.zeros((n_steps, n))
    due = targets[:, 0] > 0
    answer[due, targets[due, 0] - 1] = 1.0
    parts = [
        f'<rect x="{go_x:g}" y="{TOP_PX:g}" width="{(n_steps - go) * PX_PER_STEP:g}" '
        f'height="{bottom - TOP_PX:g}" fill="{DUE}"/>',
        *_labels(tops, ring_px, n),
        _cue(ob[:, 0], tops[0]),
        _heat(ob[:, 1 : 1 + n] / BUMP_HEIGHT, tops[1]),
        _heat(ob[:, 1 + n : 1 + 2 * n] / BUMP_HEIGHT, tops[2]),
        _heat(answer, tops[3]),
        _fixate(~due, tops[3] + ring_px + ROW_PX / 2),
        *(_frame(top, width_px, ring_px) for top in tops[1:]),
        f'<path d="M{go_x:g} {TOP_PX - 2:g}V{bottom:g}" stroke="{INK}" stroke-dasharray="2 2"/>',
        f'<text x="{go_x + 2:g}" y="{TOP_PX - 3:g}">answer due</text>',
        *_time_axis(n_steps, bottom),
    ]
    size = f"{LEFT_PX + 37 * PX_PER_STEP + 6:.0f} {bottom + 16:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" '
        f'font-size="8" fill="{INK}"><rect width="100%" height="100%" fill="{PAPER}"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _labels(tops: list[float], ring_px: float, n: int) -> Iterator[str]:
    yield f'<g text-anchor="end"><text x="{LEFT_PX - 6:g}" y="{tops[0] + 6:g}">fixation</text>'
    for top, label in zip(tops[1:], ("ring 1", "ring 2", "target"), strict=True):
        yield f'<text x="{LEFT_PX - 6:g}" y="{top + ring_px / 2 + 3:g}">{label}</text>'
    yield "</g>"
    # The key of the colours: direction 0 at the bottom, as on the axes of modcog.plot_trial.
    for top in tops[1:]:
        for k, color in enumerate(direction_colors(n)):
            y = top + (n - 1 - k) * ROW_PX
            yield f'<path fill="{color}" d="M{LEFT_PX - 4:g} {y:g}h3v{ROW_PX}h-3z"/>'


def _cue(values: NDArray[Any], top: float) -> str:
    on = int(values.sum())
    return (
        f'<path fill="{INK}" d="M{LEFT_PX:g} {top:g}h{on * PX_PER_STEP:g}v{CUE_PX:g}'
        f'h{-on * PX_PER_STEP:g}z"/>'
    )


def _fixate(rests: NDArray[np.bool_], top: float) -> str:
    runs = "".join(f"M{start} 0h{length}v1h-{length}z" for start, length, _ in _runs(rests))
    return _scaled(top, f'<path fill="{SOFT}" d="{runs}"/>')


def _heat(values: NDArray[Any], top: float) -> str:
    """One row a direction, direction 0 below; the colour says which, the shade how much."""
    n = values.shape[1]
    levels = np.round(np.clip(values, 0, 1) * LEVELS).astype(int)
    shapes: dict[tuple[int, int], str] = defaultdict(str)
    for k in range(n):
        for start, length, level in _runs(levels[:, k]):
            shapes[k, level] += f"M{start} {n - 1 - k}h{length}v1h-{length}z"
    colors = direction_colors(n)
    paths = [
        f'<path fill="{colors[k]}"'
        + (f' opacity="{level / LEVELS:g}"' if level < LEVELS else "")
        + f' d="{shape}"/>'
        for (k, level), shape in shapes.items()
    ]
    return _scaled(top, "".join(paths))


def _runs(values: NDArray[Any]) -> Iterator[tuple[int, int, int]]:
    """Start, length and value of the stretches of equal values, zeros left out."""
    borders = np.flatnonzero(np.diff(values.astype(int), prepend=0, append=0))
    edges = np.unique(np.concatenate([borders, [0, len(values)]]))
    for start, end in itertools.pairwise(edges):
        if values[start]:
            yield int(start), int(end - start), int(values[start])


def _scaled(top: float, content: str) -> str:
    move = f"translate({LEFT_PX:g} {top:g}) scale({PX_PER_STEP} {ROW_PX})"
    return f'<g transform="{move}" shape-rendering="crispEdges">{content}</g>'


def _frame(top: float, width: float, height: float) -> str:
    return (
        f'<rect x="{LEFT_PX:g}" y="{top:g}" width="{width:g}" height="{height:g}" '
        f'fill="none" stroke="{PALE}" stroke-width=".6"/>'
    )


def _time_axis(n_steps: int, top: float) -> Iterator[str]:
    yield '<g text-anchor="middle">'
    for step in range(0, n_steps + 1, 5):
        unit = " ms" if step + 5 > n_steps else ""
        x = LEFT_PX + step * PX_PER_STEP
        yield f'<text x="{x:g}" y="{top + 10:g}">{step * MS_PER_STEP:g}{unit}</text>'
    yield "</g>"


def cards() -> str:
    """The cards of all tasks as HTML: readable, and linked to, without any script."""
    shown = "".join(_card(name, features) for name, features in modcog.features().items())
    return f'<div class="gallery">\n{shown}</div>\n'


def _card(name: str, features: dict[str, Any]) -> str:
    sentence = html.escape(modcog.describe(name))
    sides = {kind: f"{kind}{features[kind]}" if features[kind] else "" for kind in ("Int", "Seq")}
    data = "".join(f' data-{kind.lower()}="{side}"' for kind, side in sides.items())
    tags = [name for name in SYNONYMS if features.get(name)]
    words = ", ".join(SYNONYMS[key] for key in (features["family"], *tags))
    shown = "".join(f"<li>{tag}</li>" for tag in tags)
    address = f"http://{ADDRESS}:{PORT}/?task={name}"
    return (
        f'<figure class="card" id="{name}" data-family="{features["family"]}"{data} '
        f'data-words="{words}">'
        f'<a class="open" href="player/index.html?task={name}" title="Play trials of {name}">'
        f'<img src="pictures/{name}.svg" alt="One trial of {name}: {sentence}" loading="lazy" '
        'width="287" height="188"></a>'
        f'<figcaption><a href="#{name}"><code>{name}</code></a> {sentence}'
        f'<ul class="tags">{shown}</ul>'
        f'<span class="play"><code>modcog explore {name}</code> '
        f'<a href="{address}" title="While the playground runs on this machine">playground</a>'
        "</span>"
        "</figcaption></figure>\n"
    )


def main(folder: str) -> None:
    """Write the pictures of all tasks into a folder."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name in modcog.task_names():
        (out / f"{name}.svg").write_text(picture(name), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
