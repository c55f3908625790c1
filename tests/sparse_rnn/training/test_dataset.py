"""Batches for DataLoader: no duplicates whatever the workers and processes, two forms of rules."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from sparse_rnn.data import TaskStream, ahead, task_stream
from sparse_rnn.errors import InvalidArgument, UnknownName
from sparse_rnn.training.dataset import BatchDataset, Loaded
from sparse_rnn.training.run import streams
from tests.sparse_rnn.helpers import small_config


@pytest.fixture(scope="module")
def stream() -> TaskStream:
    return task_stream(("Go", "DlyGo", "Anti"), batch_size=2, seq_len=45, seed=0)


def loaded(dataset: BatchDataset, n_workers: int, **options: Any) -> list[Loaded]:
    return list(DataLoader(dataset, batch_size=None, num_workers=n_workers, **options))


def joined(dataset: BatchDataset) -> Loaded:
    """All batches of a dataset side by side."""
    numbers, *tensors = zip(*loaded(dataset, 0), strict=True)
    return Loaded(torch.stack(numbers), *(torch.cat(parts, 1) for parts in tensors))


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on machines with few cores
@pytest.mark.parametrize("n_workers", [0, 1, 2, 3])
def test_batches_and_their_order_do_not_depend_on_workers(
    stream: TaskStream, n_workers: int
) -> None:
    batches = loaded(BatchDataset(stream, 7), n_workers)
    assert [int(batch.number) for batch in batches] == list(range(7))
    for batch in batches:
        expected = stream.batch(int(batch.number))
        assert torch.equal(batch.inputs, expected.inputs)
        assert torch.equal(batch.targets, expected.targets)
        assert torch.equal(batch.mask, expected.mask)


def test_shards_of_processes_and_workers_are_the_stream(stream: TaskStream) -> None:
    inputs = [
        [batch.inputs for batch in loaded(BatchDataset(stream.shard(rank, 2), 4), 2)]
        for rank in (0, 1)
    ]
    for number in range(8):
        assert torch.equal(inputs[number % 2][number // 2], stream.batch(number).inputs)


def test_the_rule_as_an_index_is_the_one_hot_one(stream: TaskStream) -> None:
    full, compact = (joined(BatchDataset(stream, 5, rule=rule)) for rule in ("one_hot", "index"))
    n_rules = stream.n_rules
    assert (n_rules, compact.inputs.shape[-1]) == (3, 33)
    assert next(iter(BatchDataset(stream, rule="index"))).inputs.is_contiguous()
    assert torch.equal(compact.rule, full.rule)
    table = torch.cat([torch.eye(n_rules), torch.zeros(1, n_rules)])
    assert torch.equal(torch.cat([compact.inputs, table[compact.rule]], -1), full.inputs)
    assert (compact.rule == n_rules).any()  # padding
    assert set(compact.rule.unique().tolist()) <= set(range(n_rules + 1))
    assert compact.rule.dtype == torch.int64
    embedding = torch.nn.Embedding(n_rules + 1, 5, padding_idx=n_rules, device="meta")
    assert embedding(compact.rule.to("meta")).shape == (45, 10, 5)


def test_the_rule_is_the_slot_whatever_the_rule_channels_show(stream: TaskStream) -> None:
    expected = joined(BatchDataset(stream, 3, rule="index"))
    for rules in ("none", "factors", [[0.0, -1.0], [0.0, 0.0], [3.0, 3.0]]):
        names = ("Go", "DlyGo", "Anti")
        coded = task_stream(names, batch_size=2, seq_len=45, seed=0, rules=rules)
        found = joined(BatchDataset(coded, 3, rule="index"))
        assert torch.equal(found.rule, expected.rule)
        assert torch.equal(found.inputs, expected.inputs)


def test_without_a_number_of_batches_there_is_no_end(stream: TaskStream) -> None:
    batches = iter(BatchDataset(stream))
    assert [int(next(batches).number) for _ in range(20)] == list(range(20))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="pinned memory needs a GPU")
def test_memory_can_be_pinned(stream: TaskStream) -> None:
    for batch in loaded(BatchDataset(stream, 3), 2, pin_memory=True):
        assert all(tensor.is_pinned() for tensor in batch)


def test_refusals(stream: TaskStream) -> None:
    with pytest.raises(InvalidArgument, match="n_batches must be a whole number of at least 1"):
        BatchDataset(stream, 0)
    with pytest.raises(UnknownName, match="rule must be the name of a form of the rule input"):
        BatchDataset(stream, rule="onehot")
    with pytest.raises(InvalidArgument, match="rank must be below world_size, 2"):
        stream.shard(2, 2)


def test_batches_drawn_ahead_are_the_same() -> None:
    stream, _ = streams(small_config())
    with ahead(stream.batches(3, 8)) as batches:
        drawn = list(batches)
    assert len(drawn) == 5
    for batch, expected in zip(drawn, stream.batches(3, 8), strict=True):
        assert torch.equal(batch.inputs, expected.inputs)
    with ahead(stream.batches(3, 3)) as batches:
        assert list(batches) == []


def test_a_batch_on_its_device_is_itself() -> None:
    batch = streams(small_config())[0].batch(0)
    assert batch.to("cpu") is batch
    assert batch.to("meta").inputs.device.type == "meta"
