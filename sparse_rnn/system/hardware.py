"""Where a run computes and how finely: the device, and the precision of its products."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType

import torch
from torch import nn

from sparse_rnn.errors import InvalidArgument

PRECISIONS: Mapping[str, str] = MappingProxyType(
    {
        "fp32": "float32 throughout",
        "tf32": "products of float32 numbers rounded to 10 bits where the GPU can, sums in float32",
        "bf16": "products of numbers rounded to bfloat16; states, parameters and sums in float32",
    }
)
"""What the names of precisions mean."""

_MATMUL: Mapping[str, str] = MappingProxyType({"fp32": "highest", "tf32": "high", "bf16": "high"})


def cores() -> int:
    """Cores that this process may use; macOS and Windows know only how many there are."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def device(name: str) -> torch.device:
    """Find a device.

    Args:
        name: "auto" for an NVIDIA GPU, or the CPU where there is none; "cpu"; "cuda", the first GPU
            or, under torchrun, that of the process's number; or "cuda:1".

    Raises:
        InvalidArgument: There is no such device here.

    Example:
        >>> device("cpu")
        device(type='cpu')
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and not count):
        return torch.device("cpu")
    # Of several processes that torchrun started on this machine, each takes a GPU of its own.
    own = os.environ.get("LOCAL_RANK", "0")
    kind, _, number = name.replace("auto", "cuda").partition(":")
    number = number or own
    if kind == "cuda" and number.isdecimal() and int(number) < count:
        return torch.device("cuda", int(number))
    there = ", ".join(f"cuda:{i}" for i in range(count))
    seen = f"This machine has {there}." if there else "torch sees no NVIDIA GPU on this machine."
    raise InvalidArgument("device", name, "auto, cpu, cuda or cuda:N of a GPU that is there", seen)


@contextmanager
def precision(name: str) -> Generator[None]:
    """Let torch compute products in a precision; what was set before comes back at the end.

    Args:
        name: A name in `PRECISIONS`.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(_MATMUL[name])
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def shortened(name: str, where: torch.device) -> AbstractContextManager[object]:
    """Let the products of a pass forward take shorter numbers, in the precision "bf16".

    Not for the pass backward, which follows the types of the one forward by itself.

    Args:
        name: A name in `PRECISIONS`.
        where: The device that computes.
    """
    return torch.autocast(where.type, dtype=torch.bfloat16, enabled=name == "bf16")


def device_of(network: nn.Module) -> torch.device:
    """Where the parameters of a network are; the CPU for one without any."""
    return next((p.device for p in network.parameters()), torch.device("cpu"))
