"""One competitor in a process and an environment of its own; `benchmarks.speed.rivals` starts it.

It prints "ready" once it has compiled, then does one step for each line that it reads, and prints
the seconds and, of samplers, the steps. It imports nothing but what the competitor needs.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

LANES, STEPS = 64, 350
"""Size of a batch of trials."""

Step = Callable[[], float]


def _torch_step(
    network: Any, data: Mapping[str, Any], after: Callable[[], None], **how: Any
) -> Step:
    import torch

    inputs, targets = (torch.from_numpy(data[name]) for name in ("inputs", "targets"))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        logits = network(inputs, **how)[0]
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
        optimiser.step()
        after()
        return 0.0

    return step


def ours(data: Mapping[str, Any]) -> Step:
    """`sparse_rnn.Network`."""
    import sparse_rnn as srnn

    mask = srnn.Mask.from_edges(int(data["n_units"]), data["rows"], data["columns"])
    network = srnn.Network(data["inputs"].shape[-1], int(data["n_outputs"]), mask)
    # As `sparse_rnn.train` chooses.
    network.rnn.use(network.rnn.fastest(data["inputs"].shape[1]).kernel)
    # And as it calls a network: nobody asks for the states here, nor of the others.
    return _torch_step(network, data, lambda: None, every_state=False)


def masked_torch(data: Mapping[str, Any]) -> Step:
    """``torch.nn.RNN``, a readout, and ``W <- G * W`` after each step."""
    import torch

    n_units = int(data["n_units"])
    mask = torch.zeros(n_units, n_units)
    mask[data["rows"], data["columns"]] = 1

    class Masked(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.RNN(data["inputs"].shape[-1], n_units, nonlinearity="relu")
            self.readout = torch.nn.Linear(n_units, int(data["n_outputs"]))

        def forward(self, inputs: Any) -> tuple[Any, Any]:
            hidden, _ = self.rnn(inputs)
            return self.readout(hidden), hidden

    network = Masked()

    def apply() -> None:
        with torch.no_grad():
            network.rnn.weight_hh_l0.mul_(mask)

    return _torch_step(network, data, apply)


def _jax_step(recurrent: Any, product: Any, project: Any, data: Mapping[str, Any]) -> Step:
    """Train a relu network in a jitted scan; the recurrent weights are what `product` takes."""
    import jax
    import jax.numpy as jnp
    import optax

    n_units, n_inputs = int(data["n_units"]), data["inputs"].shape[-1]
    n_outputs, n_lanes = int(data["n_outputs"]), data["inputs"].shape[1]
    inputs, targets = jnp.asarray(data["inputs"]), jnp.asarray(data["targets"])
    keys = jax.random.split(jax.random.key(0), 2)
    weights = {
        "input": jax.random.uniform(keys[0], (n_inputs, n_units), minval=-0.05, maxval=0.05),
        "recurrent": recurrent,
        "bias": jnp.zeros(n_units),
        "readout": jax.random.uniform(keys[1], (n_units, n_outputs), minval=-0.05, maxval=0.05),
        "readout_bias": jnp.zeros(n_outputs),
    }
    adam = optax.adam(1e-3)

    def loss(weights: Any) -> Any:
        def advance(state: Any, drive: Any) -> tuple[Any, Any]:
            state = jax.nn.relu(drive + product(state, weights["recurrent"]))
            return state, state

        drives = inputs @ weights["input"] + weights["bias"]
        _, states = jax.lax.scan(advance, jnp.zeros((n_lanes, n_units)), drives)
        logits = states @ weights["readout"] + weights["readout_bias"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

    @jax.jit
    def update(weights: Any, kept: Any) -> tuple[Any, Any]:
        changes, kept = adam.update(jax.grad(loss)(weights), kept)
        weights = optax.apply_updates(weights, changes)
        return {**weights, "recurrent": project(weights["recurrent"])}, kept

    state = [weights, adam.init(weights)]

    def step() -> float:
        state[:] = update(*state)
        jax.block_until_ready(state)
        return 0.0

    return step


def jax_dense(data: Mapping[str, Any]) -> Step:
    """A jitted scan over a dense matrix, which is masked after each step."""
    import jax.numpy as jnp

    n_units = int(data["n_units"])
    mask = np.zeros((n_units, n_units), np.float32)
    mask[data["columns"], data["rows"]] = 1
    start = np.random.default_rng(0).uniform(-0.05, 0.05, mask.shape).astype(np.float32) * mask
    shown = jnp.asarray(mask)
    return _jax_step(jnp.asarray(start), lambda h, w: h @ w, lambda w: w * shown, data)


def jax_sparse(data: Mapping[str, Any]) -> Step:
    """A jitted scan over a matrix in JAX's BCOO format, whose values are what is trained."""
    import jax.numpy as jnp
    from jax.experimental import sparse

    n_units = int(data["n_units"])
    order = np.lexsort((data["columns"], data["rows"]))
    indices = jnp.asarray(np.stack([data["rows"], data["columns"]], axis=1)[order], jnp.int32)
    values = np.random.default_rng(0).uniform(-0.05, 0.05, order.size).astype(np.float32)

    def product(state: Any, values: Any) -> Any:
        matrix = sparse.BCOO(
            (values, indices), shape=(n_units, n_units), indices_sorted=True, unique_indices=True
        )
        return (matrix @ state.T).T

    return _jax_step(jnp.asarray(values), product, lambda values: values, data)


def our_batches(data: Mapping[str, Any]) -> Step:
    """`modcog.BatchSampler`."""
    import modcog

    sampler = modcog.BatchSampler(str(data["suite"]), batch_size=LANES, seq_len=STEPS, seed=0)
    numbers = itertools.count()

    def step() -> float:
        sampler.batch(next(numbers))
        return LANES * STEPS

    return step


def neurogym_dataset(data: Mapping[str, Any]) -> Step:
    """The `Dataset` of neurogym, over as many of its environments as the suite has tasks."""
    from neurogym import Dataset, make
    from neurogym.envs.collections import get_collection
    from neurogym.utils.scheduler import RandomSchedule
    from neurogym.wrappers.block import ScheduleEnvs

    n_tasks = int(data["n_tasks"])
    names = list(itertools.islice(itertools.cycle(get_collection("yang19")), n_tasks))
    environments = [make(name, dt=100, dim_ring=16) for name in names]
    schedule = RandomSchedule(n_tasks)
    dataset = Dataset(
        ScheduleEnvs(environments, schedule=schedule, env_input=True),
        batch_size=LANES,
        seq_len=STEPS,
    )

    def step() -> float:
        dataset()
        return LANES * STEPS

    return step


def braintools_task(data: Mapping[str, Any]) -> Step:
    """One task of `braintools.cogtask`, jitted: whole trials, one a lane."""
    import brainstate
    import brainunit
    import jax
    from braintools.cogtask import DelayMatchSample

    brainstate.environ.set(dt=100 * brainunit.ms)
    task = DelayMatchSample(seed=0, num_stimuli=16)
    lanes = int(data["n_lanes"])
    sample = jax.jit(lambda first: task.batch_sample(lanes, start_index=first))
    firsts = itertools.count(0, lanes)

    def step() -> float:
        inputs, outputs = jax.block_until_ready(sample(next(firsts)))
        del outputs
        return float(inputs.shape[0] * inputs.shape[1])

    return step


COMPETITORS: Mapping[str, Callable[[Mapping[str, Any]], Step]] = MappingProxyType(
    {
        "sparse_rnn": ours,
        "nn.RNN, masked": masked_torch,
        "JAX scan, masked": jax_dense,
        "JAX scan, BCOO": jax_sparse,
        "modcog": our_batches,
        "neurogym": neurogym_dataset,
        "braintools": braintools_task,
    }
)
"""What builds each; the functions that they return do one step and say how many steps it had."""


def main() -> None:
    """Build the competitor that is named, and do a step whenever a line comes in."""
    name, path = sys.argv[1:]
    answers = sys.stdout
    sys.stdout = sys.stderr
    with np.load(Path(path)) as arrays:
        step = COMPETITORS[name](dict(arrays))
    step()
    step()
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        size = step()
        print(time.perf_counter() - begin, size, file=answers, flush=True)


if __name__ == "__main__":
    main()
