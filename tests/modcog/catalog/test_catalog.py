"""The suites: ordered, append-only lists of names, one per rule input."""

from __future__ import annotations

import hashlib

import pytest

import modcog
from modcog.tasks import BASE_TASKS
from tests.every import every
from tests.modcog import helpers

SIZES = {
    "cog-20": 20,
    "mod-cog-82": 82,
    "mod-cog-84": 84,
    "mod-cog-126": 126,
    "mod-cog-132": 132,
    "mod-cog-168": 168,
}

# Weights of a trained network belong to this order: it may never change.
ORDER = {
    "cog-20": "e8ebce1d4f663318",
    "mod-cog-82": "fbb83411d6ad501a",
    "mod-cog-84": "9d067ce588b4454f",
    "mod-cog-126": "63ddc01908efc2ba",
    "mod-cog-132": "8472c233b1be434f",
    "mod-cog-168": "fc8a1e2e82fd7199",
}


def test_the_suites_are_listed_smallest_first() -> None:
    assert modcog.suites() == tuple(SIZES)


@pytest.mark.parametrize("name", modcog.suites())
def test_a_suite_is_a_tuple_of_tasks_that_exist(name: str) -> None:
    tasks = modcog.suite(name)
    assert isinstance(tasks, tuple)
    assert len(tasks) == SIZES[name]
    for task in tasks:
        assert modcog.task(task).name == task
        assert task in modcog.task_names()


@pytest.mark.parametrize("name", modcog.suites())
def test_the_order_of_rule_inputs_never_changes(name: str) -> None:
    joined = " ".join(modcog.suite(name)).encode()
    assert hashlib.sha256(joined).hexdigest()[:16] == ORDER[name]


def test_smaller_suites_begin_larger_ones() -> None:
    for small, large in [
        ("cog-20", "mod-cog-82"),
        ("mod-cog-82", "mod-cog-84"),
        ("mod-cog-82", "mod-cog-126"),
        ("mod-cog-126", "mod-cog-132"),
        ("mod-cog-126", "mod-cog-168"),
    ]:
        tasks = modcog.suite(small)
        assert modcog.suite(large)[: len(tasks)] == tasks


def test_repeated_slots_are_dlyanti_and_stand_at_the_end() -> None:
    assert modcog.suite("mod-cog-84")[82:] == ("DlyAnti_IntL", "DlyAnti_IntR")
    repeated = modcog.suite("mod-cog-132")[126:]
    assert len(repeated) == 6
    assert all(name.startswith("DlyAnti_Int") for name in repeated)


def test_task_names_are_distinct_and_begin_with_those_of_mod_cog_168() -> None:
    names = modcog.task_names()
    assert len(set(names)) == len(names)
    assert names[:168] == modcog.suite("mod-cog-168")
    assert {name.partition("_")[0] for name in names} == set(BASE_TASKS)


def test_the_names_are_the_whole_product_of_the_two_tables() -> None:
    product = set()
    for base, spec in BASE_TASKS.items():
        ints = ("", "_IntL", "_IntR") if spec.interval else ("",)
        product |= {base + i + s for i in ints for s in ("", "_SeqL", "_SeqR")}
    assert product == set(modcog.task_names())


@every("name", helpers.NAMES)
def test_every_name_has_its_mirror_image(name: str) -> None:
    assert helpers.mirrored(name) in helpers.NAMES


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("cog20", "cog-20"), ("mod-cog-85", "mod-cog-84"), ("Mod-Cog-168", "mod-cog-168")],
)
def test_an_unknown_suite_is_refused_with_near_names(wrong: str, nearest: str) -> None:
    for call in (modcog.suite, modcog.make, modcog.BatchSampler, modcog.trial_lengths):
        with pytest.raises(modcog.UnknownName, match=f"got '{wrong}'.*Did you mean .*{nearest}"):
            call(wrong)


def test_a_name_like_no_suite_gets_the_list() -> None:
    with pytest.raises(modcog.UnknownName, match="Known names: cog-20, mod-cog-82"):
        modcog.suite("everything")
