"""Which kernel is the fastest here: measured once, and kept on disk (`sparse_rnn.kernels.kept`).

Kernels are compared on a `sparse_rnn.kernels.cases.Case`: sizes rounded to half octaves, and a mask
of that kind which is made for it. So the answer is one of the machine and the case, whichever
network asked first. What is expected to be the fastest (`sparse_rnn.kernels.choose`) stands unless
another kernel was clearly faster (`MARGIN`), so that two measurements of one machine disagree only
where it matters little.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from sparse_rnn import kernels
from sparse_rnn.errors import unknown_name
from sparse_rnn.kernels.api import Drive, Edges, Kernel, Pattern
from sparse_rnn.kernels.cases import MOST_WORK, Case
from sparse_rnn.kernels.kept import Kept
from sparse_rnn.system.arguments import whole

VARIABLE = "SPARSE_RNN_KERNEL"
"""Environment variable that decides instead of the clock: a name in `sparse_rnn.kernels.KERNELS`,
"estimate" for what is expected to be the fastest, or "measure", which is what happens anyway."""

MARGIN = 0.8
"""Share of the expected kernel's time that another one may take at most to be chosen."""

LEAST_UNITS = 128
"""Units below which nothing is timed: every kernel is fast then."""

MOST_UNITS = 1 << 14
"""Units above which nothing is timed: a matrix of all pairs takes too much memory."""

ROUNDS = 5
BUDGET_S = 0.5
"""Rounds in which the kernels take turns, and seconds after which no other round begins."""

Clock = Callable[[], float]
"""Seconds since some moment."""

_CHANNELS, _RULES, _OUTPUTS = 32, 64, 16
_FINE_S = 1e-5
_LOG = logging.getLogger("sparse_rnn")


@dataclass(frozen=True)
class Choice:
    """A kernel, and why it.

    Attributes:
        kernel: Its name.
        why: The reason in words.
        seconds: Seconds of a time step, forward and backward, by kernel; empty if none was timed.
    """

    kernel: str
    why: str
    seconds: Mapping[str, float]


def fastest(  # noqa: PLR0913 - what decides
    mask: Pattern,
    batch_size: int,
    *,
    gates: int = 0,
    nonlinearity: str = "relu",
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    clock: Clock | None = None,
) -> Choice:
    """Find the kernel that trains a mask the fastest, as `sparse_rnn.train` does for "auto".

    The first time on a machine, a few steps forward and backward are timed, for less than a second
    beside what has to be compiled. What was found is kept on disk
    (`sparse_rnn.kernels.kept.folder`) and holds from then on. Nothing is timed where it cannot pay:
    for fewer than `LEAST_UNITS` units, for masks so large that it would take long, where `VARIABLE`
    says so, and where nothing can be kept, as an answer that changes from one process to the next
    would change the last bits of results. What is expected to be the fastest is then chosen, which
    is a function of the arguments alone.

    Args:
        mask: The mask.
        batch_size: Sequences at once.
        gates: Recurrent matrices of a cell with gates; 0 for the cells "vanilla" and "leaky".
        nonlinearity: That of the cell, a name in `sparse_rnn.kernels.NONLINEARITIES`.
        dtype: Type of the weights.
        device: Type of the device, such as "cpu" or "cuda".
        clock: Seconds since some moment. None is processor time for one thread on a CPU, which
            other programs disturb least, and time on the wall elsewhere.

    Raises:
        UnknownName: There is no such nonlinearity, or `VARIABLE` has no such kernel.
        InvalidArgument: A number is out of range, torch knows no such device, or the kernel that
            `VARIABLE` names cannot serve the mask.

    Example:
        >>> from sparse_rnn import masks
        >>> from sparse_rnn.kernels import timing
        >>> timing.fastest(masks.locality((9, 9), 1), batch_size=64).kernel
        'sparse_cpu'
    """
    whole("batch_size", batch_size, 1)
    whole("gates", gates, 0)
    how: dict[str, Any] = {"nonlinearity": nonlinearity, "dtype": dtype}
    cost = kernels.STEP_COST if gates else kernels.SPARSE_COST
    forced = forced_kernel()
    if forced is not None:
        kernel = kernels.choose(forced, mask, device, cost=cost, **how)
        return Choice(kernel.name, f"{VARIABLE} says so", {})
    expected = kernels.choose("auto", mask, device, cost=cost, **how).name
    why = _untimed(mask, batch_size, torch.device(device).type)
    if why:
        return Choice(expected, f"expected to be the fastest ({why})", {})
    case = Case.of(mask, batch_size, gates=gates, device=torch.device(device).type, **how)
    names = [kernel.name for kernel in case.candidates()]
    if len(names) == 1:
        return Choice(expected, "no other kernel can serve", {})
    seconds = Kept.of(case).get(lambda: measure(case, clock), names)
    if seconds is None:
        return Choice(expected, "expected to be the fastest (what is timed cannot be kept)", {})
    return Choice(decide(seconds, expected), f"timed on {case}", seconds)


def decide(seconds: Mapping[str, float], expected: str) -> str:
    """Choose a kernel by its times.

    Args:
        seconds: Time of each kernel, that of the expected one among them.
        expected: The kernel that stands unless another one takes `MARGIN` of its time or less.

    Returns:
        The name of the kernel.

    Example:
        >>> from sparse_rnn.kernels import timing
        >>> timing.decide({"dense": 1.0, "sparse_cpu": 0.9}, expected="dense")
        'dense'
        >>> timing.decide({"dense": 1.0, "sparse_cpu": 0.7}, expected="dense")
        'sparse_cpu'
    """
    best = min(seconds, key=lambda name: seconds[name])
    return best if seconds[best] <= MARGIN * seconds[expected] else expected


def measure(case: Case, clock: Clock | None = None) -> dict[str, float]:
    """Time the kernels that can serve a case; seconds of a time step, by name."""
    alone = case.device == "cpu" and torch.get_num_threads() == 1
    if clock is None:
        fine = time.get_clock_info("process_time").resolution < _FINE_S
        clock = time.process_time if alone and fine else time.perf_counter
    edges = Edges.of(case, case.device)
    works = {kernel.name: _passes(kernel, case, edges) for kernel in case.candidates()}
    found = {name: spent / case.steps for name, spent in compare(works, clock).items()}
    told = ", ".join(f"{name} {1e3 * spent:.3g} ms" for name, spent in found.items())
    _LOG.info("timed for %d units at batch %d: %s a step", case.n_units, case.batch_size, told)
    return found


def compare(works: Mapping[str, Callable[[], object]], clock: Clock) -> dict[str, float]:
    """Time several ways to do one work, in turns.

    Each is done once before, untimed. One that took more than twice the least time so far is left
    out of the rounds that follow.

    Args:
        works: The ways, by name.
        clock: Seconds since some moment.

    Returns:
        The least time of each.
    """
    for work in works.values():
        work()
    least = dict.fromkeys(works, math.inf)
    left, begin = list(works), clock()
    for _ in range(ROUNDS):
        for name in left:
            before = clock()
            works[name]()
            least[name] = min(least[name], clock() - before)
        left = [name for name in left if least[name] <= 2 * min(least.values())]
        if len(left) == 1 or clock() - begin > BUDGET_S:
            break
    return least


def forced_kernel() -> str | None:
    """The kernel that `VARIABLE` names, or None.

    Raises:
        UnknownName: It has something else than a kernel, "estimate" or "measure".
    """
    said = os.environ.get(VARIABLE, "")
    if said in ("", "estimate", "measure"):
        return None
    if said not in kernels.KERNELS:
        known = ("measure", "estimate", *kernels.KERNELS)
        raise unknown_name(VARIABLE, said, known, "a way to choose a kernel")
    return said


def _untimed(mask: Pattern, batch_size: int, device: str) -> str:
    """Why nothing is timed, as far as the sizes say, or ""."""
    there = device in MOST_WORK and (device == "cpu" or torch.cuda.is_available())
    if not there:
        return f"nothing can be timed on {device}"
    if mask.n_units < LEAST_UNITS:
        return f"fewer than {LEAST_UNITS} units"
    if not mask.nnz:
        return "there is no synapse"
    too_much = 12.0 * mask.n_units**2 * batch_size > MOST_WORK[device]
    if mask.n_units > MOST_UNITS or too_much:
        return "timing it takes long"
    return f"{VARIABLE} is estimate" if os.environ.get(VARIABLE) == "estimate" else ""


def _passes(kernel: Kernel, case: Case, edges: Edges) -> Callable[[], None]:
    """Some steps forward and backward with a kernel; the numbers do not matter for the time."""
    how: dict[str, Any] = {"dtype": getattr(torch, case.dtype), "device": case.device}
    gates = (case.gates,) if case.gates else ()
    weight = torch.full((*gates, case.nnz), 0.5 / case.in_degree, **how).requires_grad_()
    first = torch.full((case.batch_size, case.n_units), 0.1, **how)
    f = kernels.NONLINEARITIES[case.nonlinearity]

    def whole_sequence() -> None:
        # As training calls a network: with the readout on the way, where the kernel has that.
        if kernel.answered is None:
            states = kernel.states(drive, first, weight, edges, f)
            logits = torch.nn.functional.linear(states, *readout)
        else:
            _, logits = kernel.answered(drive, readout, first, weight, edges, f)
        torch.autograd.grad(logits.sum(), (weight, of_inputs, bias, *readout))

    def step_by_step() -> None:
        product, state = kernels.products(kernel, weight, edges), first
        for _ in range(case.steps):
            state = torch.tanh(product(state).sum(0))
        torch.autograd.grad(state.sum(), weight)

    n_channels = _CHANNELS + _RULES  # As of a suite of tasks: one of the rule inputs is active.
    inputs = torch.full((case.steps, case.batch_size, n_channels), 0.1, **how)
    inputs[:, :, _CHANNELS + 1 :] = 0
    of_inputs = torch.full((case.n_units, n_channels), 0.01, **how).requires_grad_()
    bias = torch.zeros(case.n_units, **how).requires_grad_()
    drive = Drive(inputs, of_inputs, bias)
    of_states = torch.full((_OUTPUTS, case.n_units), 0.01, **how).requires_grad_()
    readout = of_states, torch.zeros(_OUTPUTS, **how).requires_grad_()
    work = step_by_step if case.gates else whole_sequence

    def run() -> None:
        with torch.enable_grad():
            work()
        if case.device == "cuda":
            torch.cuda.synchronize()

    return run
