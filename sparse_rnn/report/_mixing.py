"""Results of different code are not shown side by side, unless somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sparse_rnn.errors import InvalidArgument
from sparse_rnn.report._html import Html, tag
from sparse_rnn.report._words import commit
from sparse_rnn.system.arguments import flag


def check_commits(argument: str, commits: Iterable[str], *, mixed_commits: bool) -> None:
    """Refuse results of several commits.

    Args:
        argument: What holds the results.
        commits: The commit of each.
        mixed_commits: Whether several are allowed.

    Raises:
        InvalidArgument: There are several, and they are not allowed.
    """
    mixed = flag("mixed_commits", mixed_commits)
    different = [commit(name) for name in dict.fromkeys(commits)]
    if len(different) > 1 and not mixed:
        raise InvalidArgument(
            argument,
            ", ".join(different),
            "made with one commit of the code",
            "To show them together all the same, say so: --mixed-commits (mixed_commits=True).",
        )


def not_shown(damaged: Mapping[str, str]) -> Html | None:
    """What a page says where results are there that cannot be shown: which, and why."""
    if not damaged:
        return None
    entries = [tag("li", f"{name}: {reason}") for name, reason in damaged.items()]
    return tag("div", tag("p", "Not shown:"), tag("ul", *entries), class_="warning", role="note")


def mixing_warning(commits: Iterable[str]) -> Html | None:
    """What a page says where its results are of several commits, or of uncommitted code."""
    different = tuple(dict.fromkeys(commits))
    sentences: list[str] = []
    if len(different) > 1:
        sentences.append(f"These results were made with {len(different)} commits of the code.")
    if any(commit(name).endswith(")") for name in different):
        sentences.append("Some were made with changes that were not committed.")
    return tag("p", " ".join(sentences), class_="warning", role="note") if sentences else None
