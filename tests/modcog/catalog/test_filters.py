"""Tasks by expressions of features, against Python's own reading of the same expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

import modcog

TABLE = modcog.features()
ATOMS = {
    "delay": lambda row: row["delay"],
    "match": lambda row: row["match"],
    "Int": lambda row: bool(row["Int"]),
    "Seq=R": lambda row: row["Seq"] == "R",
    "family=reach": lambda row: row["family"] == "reach",
    "longest_steps<=20": lambda row: row["longest_steps"] <= 20,
    "floor>0.4": lambda row: row["floor"] > 0.4,
    "anti=False": lambda row: row["anti"] is False,
}


def expressions() -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            inner.map("~{}".format),
            inner.map("({})".format),
            st.tuples(inner, st.sampled_from([" & ", "|", "&", " | "]), inner).map("".join),
        )

    return st.recursive(st.sampled_from(sorted(ATOMS)), larger, max_leaves=8)


@given(expressions())
def test_signs_bind_as_pythons_not_and_or(expression: str) -> None:
    # Names stand for places in a list: Python then reads what is left.
    atoms = sorted(ATOMS, key=len, reverse=True)
    code = expression
    for i, atom in enumerate(atoms):
        code = code.replace(atom, f" v[{i}] ")
    code = code.replace("~", " not ").replace("&", " and ").replace("|", " or ")
    expected = tuple(
        name
        for name, row in TABLE.items()
        if eval(code, {"v": [ATOMS[atom](row) for atom in atoms]})
    )
    assert modcog.suite(features=expression) == expected


def test_slots_of_a_suite_stay_in_order_with_their_repeats() -> None:
    chosen = modcog.suite("mod-cog-84", features="base=DlyAnti & Int")
    assert chosen == ("DlyAnti_IntL", "DlyAnti_IntR", "DlyAnti_IntL", "DlyAnti_IntR")


def test_no_task_of_a_suite_may_be_such() -> None:
    assert modcog.suite("cog-20", features="Int=L") == ()
    assert modcog.suite("cog-20", features="anti & match") == ()
    assert modcog.suite("mod-cog-126", features="timed=stimulus") == ()


@pytest.mark.parametrize("depth", [1, 4000])
def test_no_nesting_is_too_deep(depth: int) -> None:
    for expression in ("(" * depth + "anti" + ")" * depth, "~" * 2 * depth + "anti"):
        assert modcog.suite("cog-20", features=expression) == ("Anti", "RTAnti", "DlyAnti")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("dely & match", "features[0:4] must be the name of a feature; got 'dely'. Did you mean d"),
        ("delay match", "features[6:11] must be & or |; got 'match'"),
        ("delay &", "features[7:7] must be a feature; got 'the end'"),
        ("& delay", "features[0:1] must be a feature; got '&'"),
        ("()", "features[1:2] must be a feature; got ')'"),
        ("anti | (delay", "features[7:8] must be closed by a parenthesis; got '('"),
        ("delay)", "features[5:6] must be the end of a parenthesis that is open; got ')'"),
        ("family", "features[0:6] must be followed by = and one of reach, decision, matching; got"),
        ("longest_steps", "must be compared with a number, as in longest_steps<20; got"),
        ("family=reech", "features[7:12] must be the name of a value of family; got 'reech'. Did"),
        ("decision", "got 'decision'. Did you mean family=decision?"),
        ("floor < x", "features[8:9] must be a number; got 'x'"),
        ("delay<3", "must be = after delay, which is no number; got 'delay<3'"),
        ("delay # 3", "features[6:7] must be a name, a value or one of"),
        ("delay = ", "features[8:8] must be a value of delay; got 'the end'"),
        ("family=reach=go", "features[12:13] must be & or |; got '='"),
        ("", "features must be an expression of features such as 'delay & ~match'"),
        ("~" * 10_001, "features must be at most 10000 long; got '10001 characters'"),
    ],
)
def test_errors_point_at_the_word(expression: str, told: str) -> None:
    for name in ("cog-20", None):
        with pytest.raises(modcog.InvalidArgument, match=re.escape(told)):
            modcog.suite(name, features=expression)


def test_a_suite_needs_a_name_or_features() -> None:
    with pytest.raises(modcog.InvalidArgument, match="name must be given, or else 'features'"):
        modcog.suite()
    with pytest.raises(modcog.UnknownName, match="Did you mean cog-20"):
        modcog.suite("cog20", features="anti")
