"""Ensembles: one configuration trained from several seeds at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.errors import EnsembleDiverged, InvalidArgument, TrainingDiverged
from sparse_rnn.nn.network import Network
from sparse_rnn.runs import folder as run_folder
from sparse_rnn.system import hardware, limits
from sparse_rnn.system.arguments import instance
from sparse_rnn.training import group as distributed
from sparse_rnn.training.callbacks import Callback, checked
from sparse_rnn.training.parts import check_complete
from sparse_rnn.training.progress import Display, silent
from sparse_rnn.training.run import Run, build, finished
from sparse_rnn.training.session import PlannedRun, identity_of, run_to_end

_DEFAULT = RunOptions()


def train_ensemble(
    config: TrainConfig,
    out: Path | str | None = None,
    *,
    seeds: int | Sequence[int],
    progress: Display = silent,
    options: RunOptions = _DEFAULT,
    callbacks: Iterable[Callback] = (),
) -> tuple[Run, ...]:
    """Train a network from each of several seeds, all at once.

    Each network sees the trials, takes the steps and has the scores of the run of its seed alone.
    On a GPU all of them are one batched computation, and agree with the runs alone up to rounding:
    losses of 50 steps within 1e-4 of their size. On a CPU they are computed in turns, and are the
    runs alone bit for bit. An ensemble is the same, bit for bit, each time on one machine, also
    after an interruption. Its members are ordinary runs, each in a folder of its own,
    ``OUT/seed-3`` for seed 3, which every command reads and which `train` accepts as finished.

    On a GPU, where a single network of some hundred units leaves most of the chip idle, this costs
    little more than one run. On a CPU it costs as much as one run after another.

    Args:
        config: The configuration; its `seed` is not used.
        out: Folder for the folders of the runs; None keeps everything in memory.
        seeds: The seeds, or their number: 15 stands for 0..14.
        progress: Shows the course, as means over the networks.
        options: What does not change the result.
        callbacks: As in `train`, called for each of the runs.

    Returns:
        The runs in the order of the seeds. Those that were finished before are read back.

    Raises:
        InvalidArgument: There is no seed or one comes twice, or the process is one of several that
            train together (torchrun).
        EnsembleDiverged: The loss of some became NaN or infinite. The others are finished, and are
            in the error and in their folders.
        RunConflict: As in `train`, so also WriteFailed and Interrupted.

    Example:
        >>> from sparse_rnn import TrainConfig, train_ensemble
        >>> config = TrainConfig(
        ...     suite="Go", arch="autapse", size=8, steps=3, eval_batches=1, final_batches=1
        ... )
        >>> runs = train_ensemble(config, seeds=15)
        >>> len(runs), runs[3].config.seed, len(runs[3].history)
        (15, 3, 3)
    """
    instance("config", config, TrainConfig)
    instance("options", options, RunOptions)
    check_complete(config)
    if config.start is not None:
        allowed = "None: each network of an ensemble starts from its seed"
        raise InvalidArgument("start", config.start, allowed)
    if config.sparsifier is not None:
        allowed = "None for an ensemble, whose networks are computed together; train them alone"
        raise InvalidArgument("sparsifier", config.sparsifier, allowed)
    calls = checked(callbacks)
    configs = [config.model_copy(update={"seed": seed}) for seed in _seeds(seeds)]
    if distributed.is_one_of_several():
        raise InvalidArgument(
            "seeds", seeds, "left to one process; torchrun shares out one network's batches"
        )
    device = hardware.device(options.device)
    folders = [None if out is None else folder_of(Path(out), one.seed) for one in configs]
    found = {
        i: finished(folder, one)
        for i, (one, folder) in enumerate(zip(configs, folders, strict=True))
        if folder is not None and run_folder.state_of(folder, identity_of(one)) == "finished"
    }
    missing = [i for i in range(len(configs)) if i not in found]
    networks: list[Network] = []
    plans: list[PlannedRun] = []
    for i in missing:
        training, held_out, network = build(configs[i])
        networks.append(network.to(device))
        plans.append(PlannedRun(configs[i], network, training, held_out, folders[i]))
    diverged: dict[int, TrainingDiverged] = {}
    results = run_to_end(plans, options, None, progress, calls) if plans else {}
    for number, (i, plan) in enumerate(zip(missing, plans, strict=True)):
        result = results.get(number)
        if isinstance(result, TrainingDiverged):
            diverged[configs[i].seed] = result
        elif result is not None:
            found[i] = Run(configs[i], networks[number], *result.told(plan.folder))
        elif plan.folder is not None:
            found[i] = finished(plan.folder, configs[i])
    runs = tuple(found[i] for i in sorted(found))
    if diverged:
        raise EnsembleDiverged(diverged, runs)
    return runs


def folder_of(out: Path, seed: int) -> Path:
    """The run folder of a seed in the folder of an ensemble."""
    return out / f"seed-{seed}"


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    # Callers without a type checker may pass anything.
    given = cast("object", range(seeds) if isinstance(seeds, int) else seeds)
    listed = tuple(cast("Iterable[object]", given)) if isinstance(given, Iterable) else ()
    known = tuple(
        seed
        for seed in listed
        if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed <= limits.SEED
    )
    if isinstance(seeds, bool) or not listed or len(set(known)) < len(listed):
        allowed = "a number of networks, or different whole numbers of at least 0"
        raise InvalidArgument("seeds", seeds, allowed)
    return known
