"""The strip of intervals of a finding: what is in it, and where."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given, strategies as st

from sparse_rnn.report import Measurement, strip
from sparse_rnn.report._strip import EDGE, LONGEST, WIDTH, shown

NUMBERS = st.floats(-1e6, 1e6)


def made(name: str, *values: float, paper: float | None = None) -> Measurement:
    return Measurement.of(name, values, paper=paper)


def test_values_with_one_of_the_paper_come_alone() -> None:
    both = made("a", 0.5, 0.6), made("b", 0.5, 0.7, paper=0.6)
    assert [one.name for one in shown(both)] == ["b"]


def test_leads_come_without_what_they_are_differences_of() -> None:
    mixed = made("a", 0.5, 0.6), made("lead, a over b", 0.1, 0.2), made("b", 0.4, 0.4)
    assert [one.name for one in shown(mixed)] == ["lead, a over b"]


def test_one_seed_has_no_interval_and_is_not_shown() -> None:
    assert strip([made("a", 0.5)]) == ""
    assert strip([]) == ""


def test_shares_and_counts_do_not_share_an_axis() -> None:
    mixed = made("share", 0.5, 0.6), made("count", 40.0, 50.0), made("other", 0.1, 0.2)
    assert [one.name for one in shown(mixed)] == ["share", "other"]


def test_the_picture_says_what_it_shows() -> None:
    text = strip([made("a < b & c", 0.5, 0.6, 0.7, paper=0.7)])
    titles = [one.text for one in ElementTree.fromstring(text).iter() if one.tag.endswith("title")]
    assert titles == ["a < b & c: 0.600 [0.352, 0.848], paper 0.700"]


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.none() | NUMBERS), min_size=1, max_size=12))
def test_everything_lies_within_the_picture(drawn: list[tuple[float, float, float | None]]) -> None:
    values = [made(f"{i}", one, two, paper=paper) for i, (one, two, paper) in enumerate(drawn)]
    text = strip(values)
    ElementTree.fromstring(text)
    places = [float(x) for x in re.findall(r' (?:x1|x2|cx)="([^"]+)"', text)]
    assert all(EDGE - 0.1 <= x <= WIDTH - EDGE + 0.1 for x in places)
    assert text.count("<circle") == len(shown(values)) <= LONGEST
