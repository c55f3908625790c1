"""Several processes that train one network: what they add up, and what the first one decides.

Started by ``torchrun --nproc-per-node N -m sparse_rnn.cli train ...``, which sets RANK, WORLD_SIZE
and the address to meet at. Without them there is one process, and nothing here does anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from sparse_rnn.errors import InvalidArgument, PeerFailed, PeerGone, SparseRnnError

Result = TypeVar("Result")

WAIT = timedelta(hours=2)
"""How long processes wait for each other; an evaluation by the first one must fit in."""


class Group:
    """The processes of a run.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """Sum a tensor over the processes; returns the tensor itself where there is one process."""
        if self.size == 1:
            return value
        total = value.clone()
        with _peers():
            dist.all_reduce(total)
        return total

    def gather(self, value: Tensor) -> Tensor:
        """Stack a tensor of each process, ``[processes, ...]``; all are of one shape."""
        if self.size == 1:
            return value[None]
        found = [torch.empty_like(value) for _ in range(self.size)]
        with _peers():
            dist.all_gather(found, value.contiguous())
        return torch.stack(found)

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace each gradient by its sum over the processes, in one exchange."""
        if self.size == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([grad.flatten() for grad in grads])
        with _peers():
            dist.all_reduce(flat)
        for grad, part in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
            grad.copy_(part.view_as(grad))

    def begin_alike(self, network: nn.Module) -> None:
        """Give the parameters and buffers of the first process to all.

        Raises:
            InvalidArgument: The networks differ in names, shapes or types.
        """
        if self.size == 1:
            return
        tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        shapes = {name: f"{value.dtype} {list(value.shape)}" for name, value in tensors.items()}
        first = json.loads(self.bytes(json.dumps(shapes).encode()))
        # All of them say whether theirs is the same, so that none waits for one that has left.
        others = torch.tensor([float(shapes != first)])
        if float(self.sum(others)) > 0:
            allowed = "the same in all processes: parameters and buffers of equal names and shapes"
            raise InvalidArgument("network", type(network).__name__, allowed)
        with _peers(), torch.no_grad():
            for value in tensors.values():
                whole = value.detach().contiguous()
                dist.broadcast(whole, 0)
                value.copy_(whole)

    def decide(self, work: Callable[[], Result]) -> Result:
        """Let the first process do some work, and give its result to all.

        Args:
            work: Returns what JSON can hold, and comes back from it equal.

        Raises:
            PeerFailed: The first process failed; there, its own error.
        """
        if self.size == 1:
            return work()
        if not self.first:
            answer = json.loads(self.bytes(b""))
            if "failed" in answer:
                raise PeerFailed(answer["failed"])
            return answer["result"]
        try:
            result = work()
        except BaseException as error:
            self.bytes(json.dumps({"failed": str(error)}).encode())
            raise
        self.bytes(json.dumps({"result": result}).encode())
        return result

    def bytes(self, content: bytes) -> bytes:
        """Give bytes of the first process to all."""
        if self.size == 1:
            return content
        with _peers():
            length = torch.tensor([len(content)])
            dist.broadcast(length, 0)
            box = torch.zeros(int(length), dtype=torch.uint8)
            if self.first and content:
                box.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
            dist.broadcast(box, 0)
        return box.numpy().tobytes()


@contextmanager
def _peers() -> Generator[None]:
    """Say it in one kind of error when another process has gone."""
    try:
        yield
    except RuntimeError as error:
        detail = str(error).strip().splitlines()
        raise PeerGone(
            f"Process {dist.get_rank()} of {dist.get_world_size()} ends, as another process of "
            f"this run has ended before ({detail[0] if detail else type(error).__name__}). The "
            "same command goes on from the newest checkpoint."
        ) from error


def is_one_of_several() -> bool:
    """Whether torchrun started this process together with others."""
    return os.environ.get("WORLD_SIZE", "1") != "1" or (
        dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
    )


def is_first() -> bool:
    """Whether this process is the only or the first one of its run."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined() -> Generator[Group]:
    """Join the processes of this run, and leave them at the end.

    A process group that exists already is used and left as it is. On CPUs the processes talk by
    gloo, on GPUs by nccl.

    Raises:
        SparseRnnError: The variables of torchrun are there in part, or the others cannot be met.
    """
    if dist.is_available() and dist.is_initialized():
        yield Group(dist.get_rank(), dist.get_world_size())
        return
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield Group()
        return
    how: dict[str, Any] = {"timeout": WAIT}
    # An optimiser imports it, and its functions then keep the group of that moment as an argument's
    # default: the threads of gloo outlive the group, and now and then abort a process that exits.
    import_module("torch.distributed.nn")
    try:
        cuda = torch.cuda.is_available()
        dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", **how)
    except (RuntimeError, ValueError) as error:
        raise SparseRnnError(
            f"The {os.environ['WORLD_SIZE']} processes of this run did not meet ({error}). "
            "Start them with torchrun, or unset WORLD_SIZE."
        ) from error
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
        # All leave together: one that leaves early closes connections that others still read.
        dist.barrier()
    finally:
        dist.destroy_process_group()
