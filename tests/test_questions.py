"""The page of questions: each is answered by an example of at most ten lines that runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 10
PAGE = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)+)", PAGE, flags=re.MULTILINE))

ASKED = {
    "Unequal weights, and a policy that chooses": ("weights=", "recorded("),
    "Stages, to a criterion": ("to_criterion(", "most="),
    "One task after another": ("stages(", "StageMatrix.of(", "backward_transfer()"),
    "Blocks and hidden switches": ("blocks(", "hidden=True"),
    "Other rule inputs": ('"none"', '"factors"', '"orthogonal"', "low_rank(", "rules=shown"),
    "A - B + C": ("compose(", "encode("),
    "Hold tasks out": ("leave_out(", "swap(", "leave_one_out(", "weights=split.weights"),
    "Freeze the network, learn a new rule": ("extend(", "new_rules=", "freeze="),
    "Features of tasks": ("features()", "features="),
    "Other targets and objectives": (
        *("sin_cos", "ring", "objective=", "activity_l2=", "inhibitory=", "optimiser="),
    ),
    "The period of each step": ("batch.period",),
    "A table of trials and behaviour": ("to_frame(", "correct"),
}
"""What each question is answered with: the names that its example has to use."""


def test_every_question_is_there_and_no_other() -> None:
    assert list(SECTIONS) == list(ASKED)


@pytest.mark.parametrize("title", ASKED)
def test_a_question_is_one_short_example_and_two_sentences(title: str) -> None:
    section = SECTIONS[title]
    before, code, after = re.split(r"^```.*\n", section, flags=re.MULTILINE)
    assert before.strip().endswith("?")
    assert re.search(r"\]\(\w+\.md(#[\w-]+)?\)", after), "a link to the page with more"
    examples = doctest.DocTestParser().get_examples(code)  # what the tests of documents run
    lines = [line for example in examples for line in example.source.splitlines()]
    assert 0 < len(lines) <= MOST_LINES
    assert any(example.want for example in examples)
    for name in ASKED[title]:
        assert name in code
