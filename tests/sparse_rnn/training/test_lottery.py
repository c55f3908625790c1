"""Lottery tickets: against dense matrices pruned by hand, and chains that are killed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import sparse_rnn as srnn
from sparse_rnn.errors import InvalidArgument, RunConflict
from sparse_rnn.sparsify._imp import LotteryTickets
from sparse_rnn.training.run import build, streams
from tests.sparse_rnn.helpers import same_bits, same_outcome, small_config, weights_of
from tests.sparse_rnn.killed_runs import OFTEN, Killed, killer


def _config(**changes: Any) -> srnn.TrainConfig:
    return small_config(**{"arch": "dense", "size": 6, "radius": None, **changes})


def _chain(
    density: float,
    out: Path | None = None,
    *,
    of: Any = None,
    options: Any = None,
    run: Any = None,
    **more: Any,
) -> tuple[srnn.Run, ...]:
    """The levels of `_config`, or of another configuration."""
    plain = (of or _config()).model_dump(exclude_unset=True)
    told = {"density": density, **(options or {})}
    config = srnn.TrainConfig(**{**plain, "sparsifier": "imp", "sparsifier_options": told})
    return srnn.lottery_ticket(config, out, options=run or srnn.RunOptions(), **more)


def _matrix(net: srnn.Network) -> np.ndarray[Any, Any]:
    """W, with NaN where there is no synapse."""
    mask = net.rnn.mask
    made = np.full(mask.shape, np.nan)
    made[mask.targets(), mask.indices] = net.rnn.weight_hh.detach().numpy()
    return made


def _trained(net: srnn.Network, config: srnn.TrainConfig, steps: int) -> srnn.Network:
    training, held_out = streams(config)
    trainer = srnn.Trainer(net, training, held_out, config)
    for record in trainer.records():
        if record.step == steps:
            break
    return net


@pytest.mark.parametrize("rewind", [0, 1])
@pytest.mark.parametrize(
    "cell", [{}, {"cell": "leaky", "recurrent_noise": 0.1}, {"inhibitory": 0.3}]
)
def test_levels_are_those_of_dense_matrices_pruned_by_hand(
    cell: dict[str, Any], rewind: int
) -> None:
    config = _config(**cell)
    levels = _chain(0.5, of=config, options={"rewind": rewind})
    start = _trained(build(config)[2], config, rewind) if rewind else build(config)[2]
    there = np.ones((6, 6), dtype=bool)
    net = _trained(build(config)[2], config, 4)
    assert same_bits(weights_of(levels[0].network), weights_of(net))
    for found, n_left in zip(levels[1:], [29, 23, 18], strict=True):
        size = np.where(there, np.abs(_matrix(net)), -1)
        flat = np.argsort(-size, axis=None)[:n_left]
        there = np.zeros(36, dtype=bool)
        there[flat] = True
        there = there.reshape(6, 6)
        state = start.state_dict()
        mask = srnn.Mask.from_edges(6, *np.nonzero(there))
        net = srnn.Network(net.rnn.input_size, 17, mask, **srnn.TrainConfig.network_options(config))
        state["rnn.weight_hh"] = torch.from_numpy(_matrix(start)[there]).float()
        state["rnn._extra_state"] = net.rnn.get_extra_state()
        net.load_state_dict(state)
        assert found.network.rnn.mask.digest == mask.digest
        _trained(net, config, 4 - rewind)
        assert same_bits(weights_of(found.network), weights_of(net))
        assert len(found.history) == 4 - rewind


@given(n_units=st.integers(1, 55), density=st.floats(0.001, 1), keep=st.floats(0.01, 0.999))
def test_each_level_has_fewer_synapses_and_the_last_one_the_budget(
    n_units: int, density: float, keep: float
) -> None:
    method = LotteryTickets(density=density, keep=keep)
    found = [n_units**2, *method.budgets(n_units**2, n_units)]
    assert found[-1] == round(density * n_units**2)
    assert all(after < before for before, after in pairwise(found))


def test_a_dense_network_to_the_density_of_the_paper_takes_fifteen_trainings() -> None:
    assert 1 + len(LotteryTickets(density=0.0452).budgets(2500**2, 2500)) == 15


class _Killer:
    """A display that kills the run of a level at a step."""

    def __init__(self, level: int, step: int) -> None:
        self.left, self.step = level, step

    def __call__(self, config: srnn.FitConfig) -> Any:
        self.left -= 1
        return killer(self.step if self.left < 0 else 10**6)(config)


def _same(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    levels = [name for name in names if (one / name).is_dir()]
    files = [name for name in names if name not in levels]
    return all(same_outcome(one / name, other / name) for name in levels) and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in files
    )


@pytest.mark.slow
@pytest.mark.parametrize("rewind", [0, 2])
def test_a_killed_chain_goes_on_with_the_same_bits(rewind: int, tmp_path: Path) -> None:
    how: dict[str, Any] = {"options": {"rewind": rewind}}
    whole = _chain(0.6, tmp_path / "whole", **how)
    in_memory = _chain(0.6, **how)
    for level, step in ((0, 2), (0, 3), (1, 1), (2, 2)):
        folder = tmp_path / f"{level}-{step}"
        with pytest.raises(Killed):
            _chain(0.6, folder, **how, progress=_Killer(level, step), run=OFTEN)
        again = _chain(0.6, folder, **how, run=OFTEN)
        assert _same(folder, tmp_path / "whole")
        for one, other, third in zip(whole, again, in_memory, strict=True):
            assert same_bits(weights_of(one.network), weights_of(other.network))
            assert same_bits(weights_of(one.network), weights_of(third.network))


def test_levels_are_ordinary_runs(tmp_path: Path) -> None:
    levels = _chain(0.7, tmp_path, options={"rewind": 1})
    assert [run.network.rnn.mask.nnz for run in levels] == [36, 29, 25]
    for number, run in enumerate(levels):
        read = srnn.load_run(tmp_path / f"level-{number:02d}")
        assert read.config == run.config
        assert read.network.rnn.mask == run.network.rnn.mask
        assert same_bits(weights_of(read.network), weights_of(run.network))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    _chain(0.7, tmp_path, options={"rewind": 1})
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_folder_with_other_levels_is_refused_and_left_alone(tmp_path: Path) -> None:
    _chain(0.8, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RunConflict, match="the start of another level"):
        _chain(0.8, tmp_path, options={"keep": 0.9})
    with pytest.raises(RunConflict, match="weights of step 2 of level 0"):
        _chain(0.8, tmp_path, options={"rewind": 2})
    with pytest.raises(RunConflict, match="another configuration"):
        _chain(0.8, tmp_path, of=_config(seed=3))
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    longer = _chain(0.6, tmp_path)
    assert longer[-1].network.rnn.mask.nnz == 22  # Its first levels were there.


def test_what_has_no_ticket_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"config\.start"):
        _chain(0.5, of=_config(start="0" * 64))
    with pytest.raises(InvalidArgument, match=r"config\.sparsifier must be 'imp'"):
        srnn.lottery_ticket(_config())
    staged = _config(steps=None, stages=[("Go", 2), ("DlyGo", 2)])
    with pytest.raises(InvalidArgument, match=r"rewind.*stages"):
        _chain(0.5, of=staged, options={"rewind": 1})
    with pytest.raises(InvalidArgument, match=r"rewind.* from 0 to 3"):
        _chain(0.5, options={"rewind": 4})
    with pytest.raises(InvalidArgument, match="density"):
        _chain(0.5, of=small_config())
    stopped = small_config(eval_every=1, stop_at=1e-9, stop_measure="final_accuracy")
    with pytest.raises(InvalidArgument, match="a step that the run of level 0 took"):
        _chain(0.2, of=stopped, options={"rewind": 3})


def test_one_run_is_none_of_imp() -> None:
    config = _config(sparsifier="imp", sparsifier_options={"density": 0.5})
    with pytest.raises(InvalidArgument, match=r"call sparse_rnn\.lottery_ticket"):
        srnn.train(config)
