"""The loss masks, by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import modcog


@pytest.mark.parametrize("dt", [20, 50, 100])
def test_the_yang_loss_mask(dt: float) -> None:
    source = ["Go", "DM1", "DMS_SeqL"]
    arguments: dict[str, Any] = {
        "batch_size": 3,
        "seed": 0,
        "dt": dt,
        "seq_len": round(12_000 / dt),
    }
    plain = modcog.BatchSampler(source, **arguments).batch(0)
    weighted = modcog.BatchSampler(source, **arguments, loss_mask="yang").batch(0)
    np.testing.assert_array_equal(weighted.inputs, plain.inputs)
    np.testing.assert_array_equal(weighted.targets, plain.targets)
    grace = round(100 / dt)
    expected = np.zeros_like(plain.mask)
    for row in range(len(plain.trials)):
        trial = plain.trials[row]
        weight = np.ones(int(trial.length[0]))
        go = int(trial.decision_start[0])
        weight[go:] = 5
        weight[:grace] = 0
        weight[go : go + grace] = 0
        start = int(trial.start[0])
        expected[start : start + len(weight), int(trial.lane[0])] = weight
    valid = plain.mask > 0
    expected /= expected[valid].mean()
    np.testing.assert_allclose(weighted.mask, expected, rtol=1e-6)
    assert weighted.mask[valid].mean() == pytest.approx(1)
    assert not weighted.mask[~valid].any()


def test_an_unknown_loss_mask_is_refused() -> None:
    with pytest.raises(modcog.UnknownName, match="^loss_mask must be .*Known names: uniform, yang"):
        modcog.BatchSampler("cog-20", loss_mask="none")
