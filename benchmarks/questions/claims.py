"""What each experiment claims, written down before any of its runs was looked at.

A claim here is a prediction of ours and can be refuted; nobody has measured these things before.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.paper.claims import Claim

CLAIMS: Mapping[str, Claim] = MappingProxyType(
    {
        "composition": Claim(
            "Our question: composition",
            "A network that learned Int and Seq alone does Int x Seq where its rule inputs name "
            "what a task is made of: under every mask better than any strategy that does without "
            "a part of the task, and better than with one-hot or orthogonal rules; but less well "
            "than a network that was trained on Int x Seq too.",
        ),
        "forgetting": Claim(
            "Our question: forgetting",
            "A network that learns one family of tasks after another forgets the earlier ones "
            "under every mask, under a local mask less than under a dense one; elastic weight "
            "consolidation and gradient projection each forget less than plain training.",
        ),
        "new_rule": Claim(
            "Our question: a new rule",
            "On a frozen network that learned the other tasks, the input weights of their rules "
            "are enough to learn Int x Seq to four fifths of what the network does on its own "
            "tasks, under every mask and in fewer steps than training from scratch; training all "
            "weights from there takes fewer steps still.",
        ),
    }
)
"""The claims by id of the experiment."""
