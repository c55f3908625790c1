"""The compiled renderer writes the bits of the reference, and the package works without it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import modcog

pytest.importorskip("numba", reason="the compiled renderer needs numba")

from modcog.rendering import compiled, reference as rendering
from modcog.rendering.rule_input import of_table, one_hot
from tests.every import every
from tests.modcog import helpers

PAIRS = [("cog-20", "uniform"), ("mod-cog-168", "yang")]


def assert_same_bits(a: rendering.Rendered, b: rendering.Rendered) -> None:
    for name, x, y in zip(a._fields, a, b, strict=True):
        assert x.dtype == y.dtype
        assert x.tobytes() == y.tobytes(), name


@pytest.mark.parametrize("noise", [0, 1.0, "yang", (0.0, 2.0)])
@every("name", helpers.NAMES)
def test_every_task_has_the_bits_of_the_reference(name: str, noise: Any) -> None:
    trials = modcog.sample(modcog.task(name, noise=noise), helpers.rng(3), 12)
    trials.rule[:] = np.arange(12) % 5
    for rules in (one_hot(5), of_table("rules", np.arange(20.0).reshape(5, 4) / 7)):
        kwargs: dict[str, Any] = {"rules": rules, "seq_len": 60, "n_lanes": 13}
        assert_same_bits(rendering.reference(trials, **kwargs), compiled.render(trials, **kwargs))


@given(
    dt=st.sampled_from([1, 7, 20, 50, 100, 1000 / 60]),
    dim_ring=st.sampled_from([4, 8, 16, 36]),
    noise=st.sampled_from([0, 0.3, 2.5, "yang", (0.2, 3), (1, 0)]),
    bump=st.sampled_from([{}, {"bump_width": 0.1}, {"bump_width": 2.5, "bump_height": 3}]),
    velocity=st.floats(0.1, 20),
    seed=helpers.seeds,
)
@pytest.mark.filterwarnings("ignore::modcog.AmbiguousIntervalWarning")
def test_every_setting_has_the_bits_of_the_reference(
    dt: float, dim_ring: int, noise: Any, bump: dict[str, Any], velocity: float, seed: int
) -> None:
    settings: dict[str, Any] = {"dt": dt, "dim_ring": dim_ring, "noise": noise, **bump}
    moved = {**settings, "int_velocity": velocity, "seq_velocity": velocity}
    specs = [
        modcog.task("DMS_IntL_SeqR", **moved),
        modcog.task("MultiDlyDM_IntR", **settings, int_velocity=velocity),
        modcog.task("RTAnti_SeqL", **settings, seq_velocity=velocity),
    ]
    batches = [
        modcog.BatchSampler(specs, batch_size=2, seed=seed, renderer=renderer).batch(1)
        for renderer in ("numpy", "numba", "auto")
    ]
    for other in batches[1:]:
        for name in ("inputs", "targets", "mask"):
            assert getattr(batches[0], name).tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("render", [rendering.reference, compiled.render])
def test_trials_that_do_not_fit_are_refused(render: Any) -> None:
    trials = modcog.sample(modcog.task("Go"), helpers.rng(0), 3)
    with pytest.raises(modcog.InvalidArgument, match="^seq_len must be at least 15"):
        render(trials, seq_len=14)
    with pytest.raises(modcog.InvalidArgument, match="^n_lanes must be at least 3"):
        render(trials, n_lanes=2)
    trials.rule[:] = 4
    with pytest.raises(modcog.InvalidArgument, match="^n_rules must be more than 4"):
        render(trials, rules=one_hot(4))


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import importlib.util
importlib.util.find_spec = lambda name, find=importlib.util.find_spec: (
    None if name == "numba" else find(name)
)
import modcog
sampler = modcog.BatchSampler("cog-20", batch_size=2, seq_len=60, seed=1)
print(float(sampler.batch(2).inputs.astype("f8").sum()))
try:
    modcog.BatchSampler("cog-20", renderer="numba").batch(0)
except modcog.InvalidArgument as error:
    print(error)
"""


def test_without_numba_batches_are_the_same_and_the_refusal_says_so() -> None:
    command = [sys.executable, "-c", WITHOUT_NUMBA]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    total, message = result.stdout.splitlines()
    batch = modcog.BatchSampler("cog-20", batch_size=2, seq_len=60, seed=1).batch(2)
    assert float(total) == batch.inputs.astype("f8").sum()
    assert message.startswith('renderer must be "numpy" or "auto" here; got \'numba\'.')
    assert "numba is missing" in message


def test_an_unknown_renderer_is_refused() -> None:
    with pytest.raises(modcog.UnknownName, match="Did you mean numba"):
        modcog.BatchSampler("cog-20", renderer="numbba")
