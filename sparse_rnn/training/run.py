"""Training runs: `train` makes the network of a configuration, `fit` takes any module."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from torch import nn

from sparse_rnn import seeding
from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.objectives import check_targets
from sparse_rnn.config.plan import plan_of
from sparse_rnn.config.run import RunOptions
from sparse_rnn.config.train import TrainConfig
from sparse_rnn.data import TaskStream, task_stream
from sparse_rnn.errors import TrainingDiverged
from sparse_rnn.nn.network import Network
from sparse_rnn.runs import folder as run_folder, weights as checkpoint
from sparse_rnn.runs.finished import FinishedRun, Outcome
from sparse_rnn.system import hardware
from sparse_rnn.system.arguments import instance
from sparse_rnn.training.callbacks import Callback, checked
from sparse_rnn.training.choices import take_again
from sparse_rnn.training.folders import look, results
from sparse_rnn.training.group import Group, joined
from sparse_rnn.training.parts import Given, check_complete, check_named, settle, starting_from
from sparse_rnn.training.progress import Display, silent
from sparse_rnn.training.session import PlannedRun, identity_of, run_to_end
from sparse_rnn.training.stream import Named, settle_stream

ModuleT = TypeVar("ModuleT", bound=nn.Module)

_DEFAULT = RunOptions()


@dataclass(frozen=True, eq=False)
class Run(FinishedRun):
    """A finished training run.

    Attributes:
        config: Its configuration.
        network: The trained network.
        history: A record of each gradient step.
        evaluation: Scores at the end, on ``config.final_batches`` held-out batches.
        folder: Where its files lie, or None.
        stage_matrix: Scores of all tasks at the end of each stage that ended
            (`sparse_rnn.evaluation.transfer.StageMatrix`); None without stages.
        decisions: What a policy let the run train, by step
            (`sparse_rnn.runs.decisions.Decisions`); None without one.
    """

    config: TrainConfig
    network: Network


@dataclass(frozen=True, eq=False)
class Fit(FinishedRun, Generic[ModuleT]):
    """A finished training run of a module of one's own.

    Attributes:
        config: Its configuration.
        network: The module, trained in place.
        history: A record of each gradient step.
        evaluation: Scores at the end, on ``config.final_batches`` held-out batches.
        folder: Where its files lie, or None.
        stage_matrix: Scores of all tasks at the end of each stage that ended
            (`sparse_rnn.evaluation.transfer.StageMatrix`); None without stages.
        decisions: What a policy let the run train, by step
            (`sparse_rnn.runs.decisions.Decisions`); None without one.
    """

    config: FitConfig
    network: ModuleT


def train(  # noqa: PLR0913 - an option each, keyword-only past the second
    config: TrainConfig,
    out: Path | str | None = None,
    *,
    progress: Display = silent,
    options: RunOptions = _DEFAULT,
    callbacks: Iterable[Callback] = (),
    continue_from: Path | str | None = None,
    start_from: Path | str | None = None,
    curriculum: Given | None = None,
) -> Run:
    """Train a network (Khona et al. 2023, appendix A) and evaluate it on trials it never saw.

    With a folder, a run survives its process: it writes checkpoints, and the same call goes on
    from the newest one that is whole. A run that was killed and went on has the same weights and
    the same `metrics.csv`, bit for bit and clock columns aside, as one that was not. SIGINT,
    SIGTERM and SIGUSR1 make it write a checkpoint and leave (`sparse_rnn.system.signals`).

    Under ``torchrun``, the processes share the work: each draws its own batches of
    ``config.batch_size``, and their gradients are averaged, weighted by the sums of their masks.

    Args:
        config: The configuration.
        out: Folder for the run's files (`sparse_rnn.runs.folder`), made if need be; None keeps
            everything in memory. A finished run of the same configuration is read back instead of
            repeated.
        progress: Shows the course of the run: `automatic`, `bar` or `lines` of
            `sparse_rnn.training.progress`.
        options: What does not change the result, such as how often a checkpoint is written.
        callbacks: Functions that are called with a `Moment` after each gradient step, in order. One
            that returns True ends the run there: it is evaluated, and finished. They are no part of
            the run, and a folder takes the run with others. Their errors end the run as it is; the
            same call goes on. An interrupted run calls them again for steps since its checkpoint.
        continue_from: Folder of a run, finished or not, that this one goes on from, to more steps;
            the configurations differ in `steps` alone. The other folder is only read, and may be
            gone once this run has begun: `out`, another folder, has all that this run needs. The
            result has the bits of a run of that many steps from the start, clock columns aside.
        start_from: Folder of a finished run, or its weights file, whose weights are the start of
            this run; the network is otherwise that of the configuration, with the same mask, cell
            and nonlinearity. Their digest is the setting `start` of the run, and so a part of what
            it is. Recurrent noise and the optimiser begin anew. Once the run has begun, the other
            may be gone: the configuration with its `start` goes on.
        curriculum: A policy of your own, as in `fit`.

    Returns:
        The run. One configuration gives the same network, bit for bit, on the same machine with
        the same number of threads and the same kernel; torch's global generator is not used. Which
        kernel the backend "auto" is was timed once on the machine (`sparse_rnn.kernels.timing`),
        stands in `config.json`, and is taken again by a run that goes on.

    Raises:
        InvalidArgument: The suite is unknown, or settings do not fit each other; with
            `continue_from`, the learning rate of a step depends on the number of steps.
        RunConflict: The folder holds a run of another configuration, another mask or another
            version of the streams of trials, or is in use; or the one of `continue_from` cannot be
            continued. Nothing there has changed.
        RunDamaged: A file there is damaged, or is no regular file.
        TrainingDiverged: The loss or the gradient became NaN or infinite.
        WriteFailed: A file could not be written, as on a full disk.
        Interrupted: A signal came; a KeyboardInterrupt.
    """
    instance("config", config, TrainConfig)
    instance("options", options, RunOptions)
    check_complete(config, but=("curriculum",))
    folder = None if out is None else Path(out)
    config, parts = settle(config, None, curriculum=curriculum)
    check_named(config, folder)
    calls = checked(callbacks)
    config, start = starting_from(config, start_from, folder, continue_from)
    device = hardware.device(options.device)
    with joined() as group:
        state, origin = look(folder, continue_from, identity_of(config), group)
        if state == "finished" and folder is not None:
            return finished(folder, config)
        training, held_out, network = build(config)
        if start is not None:
            start.into(network)
        network.to(device)
        plan = PlannedRun(config, network, training, held_out, folder, origin, parts)
        result = _alone(plan, options, group, progress, calls)
        if result is None and folder is not None:
            return finished(folder, config)
    assert result is not None  # None says that the folder's run has ended.
    return Run(config, network, *result.told(folder))


def fit(  # noqa: PLR0913 - an option each, keyword-only past the third
    network: ModuleT,
    config: FitConfig,
    out: Path | str | None = None,
    *,
    progress: Display = silent,
    options: RunOptions = _DEFAULT,
    callbacks: Iterable[Callback] = (),
    continue_from: Path | str | None = None,
    start_from: Path | str | None = None,
    objective: Given | None = None,
    optimiser: Given | None = None,
    stream: Named | None = None,
    curriculum: Given | None = None,
) -> Fit[ModuleT]:
    """Train a module of one's own as `train` trains its networks, with all that belongs to it.

    Args:
        network: Maps inputs ``[T, B, I]`` to logits ``[T, B, O]``, alone or first in a tuple;
            trained in place. The sizes are those of the suite or the stream:
            ``streams(config)[0].input_size`` and ``output_size``. It starts from the parameters
            that it has; for a run to be repeatable they must come from a seed.
        config: The configuration, a `FitConfig`; of a `TrainConfig`, what says how the network
            looks is not used.
        out: Folder for the run's files, as in `train`. The weights of a finished run are put into
            the network.
        progress: Shows the course of the run.
        options: What does not change the result. With ``device="auto"`` the network is trained
            where it is.
        callbacks: As in `train`.
        continue_from: As in `train`.
        start_from: As in `train`; the network gets these weights. Without it, `config.json` has
            the digest of the weights that the network came with.
        objective: A name of the setting `objective`; or a function ``objective(outputs, hidden,
            batch)`` of your own, of the outputs ``[T, B, O]``, the states ``[T, B, N]`` that the
            network returns second (None where it returns none) and the
            `sparse_rnn.data.Batch`, to a scalar tensor that is minimised. Penalties come on top.
            Named as an optimiser of your own is.
        optimiser: A name of the setting `optimiser`; or a function of your own that makes a
            ``torch.optim.Optimizer`` of the parameters, such as a class of torch's. The run is then
            one of ``optimiser="own:NAME"``, by the name of the function, or by that of a pair
            ``("name", function)``, which a lambda needs where there is a folder. Another function
            needs another name. The learning rate that it was made with is `lr` where the
            configuration leaves that open; where it does not, they are the same. At each step it is
            the rate of `schedule`, `warmup` and `rates`. With several factors of rates the function
            is given groups of parameters, as torch's optimisers take them.
        stream: What is trained on in place of a suite: `array_stream`, `environment_stream`, or any
            object like a `Stream`. The run is then one of ``suite="own:NAME"``, by the name that
            the stream says or by that of a pair ``("name", stream)``. The configuration leaves open
            what the stream decides (`batch_size`, `seq_len`, `seed`), or says the same; what is
            about trials of a suite (`weights`, `stages`, `curriculum`, `targets`, `dt`, `noise`) is
            left out.
        curriculum: A policy of your own: a function that says what is trained next, named as an
            optimiser of your own is. It is asked before the first step and after each evaluation
            on the way. It is given the scores so far, a mapping from steps to
            `sparse_rnn.evaluation.scores.TaskScores` that is empty at first, and returns tasks or
            weights as `modcog.BatchSampler` takes them; an empty mapping is all tasks alike. What
            it returned is in checkpoints, in `curriculum.csv` and in `decisions` of the run. A run
            that goes on trains what was recorded, and asks about that again, so that a function
            with a state has it back. Of several processes the first one asks.

    Returns:
        The run. What draws from torch's global generator, such as dropout, is neither seeded nor
        restored by a checkpoint; a `torch.Generator` that a module has as an attribute is.

    Raises:
        InvalidArgument: Outputs have a wrong shape, or settings do not fit.
        IncompatibleState: The folder holds the weights of another network.
        RunConflict: As in `train`; so also TrainingDiverged, WriteFailed and Interrupted.

    Example:
        >>> import torch
        >>> import sparse_rnn as srnn
        >>> class Memoryless(torch.nn.Module):
        ...     def __init__(self, n_inputs, n_outputs):
        ...         super().__init__()
        ...         self.weight = torch.nn.Parameter(torch.zeros(n_outputs, n_inputs))
        ...
        ...     def forward(self, inputs):
        ...         return inputs @ self.weight.T
        >>> config = srnn.FitConfig(suite="Go", steps=2, eval_batches=1, final_batches=1)
        >>> run = srnn.fit(Memoryless(34, 17), config)
        >>> len(run.history), run.evaluation.tasks
        (2, ('Go',))
    """
    instance("network", network, nn.Module)
    instance("config", config, FitConfig)
    instance("options", options, RunOptions)
    folder = None if out is None else Path(out)
    given = {"objective": objective, "optimiser": optimiser, "curriculum": curriculum}
    config, parts = settle(config, network, **given)
    config, own = settle_stream(config, stream)
    parts = replace(parts, stream=own)
    check_named(config, folder)
    plan_of(config, network)  # Refused before there are files.
    calls = checked(callbacks)
    config, start = starting_from(config, start_from, folder, continue_from)
    if options.device != "auto":
        network.to(hardware.device(options.device))
    with joined() as group:
        result = None
        state, origin = look(folder, continue_from, identity_of(config, own), group)
        if state != "finished":
            if start is not None:
                start.into(network)
            training, held_out = streams(config) if own is None else (own, own.held_out())
            plan = PlannedRun(config, network, training, held_out, folder, origin, parts)
            result = _alone(plan, options, group, progress, calls)
        if result is None and folder is not None:
            path, sparsified = folder / checkpoint.WEIGHTS, config.sparsifier is not None
            checkpoint.load_state(path, network, with_edges=sparsified)
            result = results(folder, config)
    assert result is not None  # None says that the folder's run has ended.
    return Fit(config, network, *result.told(folder))


def load_run(folder: Path | str) -> Run:
    """Read a finished run from its folder.

    Its network computes with the kernel of the run where that can serve here, and so with its bits.

    Raises:
        RunConflict: The folder holds no run.
        FileNotFoundError: The run has not ended.
        IncompatibleState: A file is damaged; so also RunDamaged.
    """
    path = Path(folder)
    config = run_folder.read_config(path, TrainConfig.from_json)
    network = checkpoint.load(path)
    take_again(network, path)
    return Run(config, network, *results(path, config).told(path))


def read_run(folder: Path | str) -> FinishedRun:
    """Read a finished run of `train` or `fit` from its folder.

    One of `fit` comes without its network, which only the caller's code can build: None.

    Raises:
        RunConflict: The folder holds no run.
        FileNotFoundError: The run has not ended.
        IncompatibleState: A file is damaged; so also RunDamaged.
    """
    path = Path(folder)
    if not run_folder.is_own(path):
        return load_run(path)
    config = run_folder.read_config(path, FitConfig.from_json)
    if not (path / checkpoint.WEIGHTS).exists():
        raise FileNotFoundError(f"{path} holds a run that has not ended.")
    return FinishedRun(config, None, *results(path, config).told(path))


def finished(folder: Path, config: TrainConfig) -> Run:
    """Read a finished run from the folder that a configuration is to run in.

    Raises:
        RunConflict: Its network has another mask than the configuration: the file that the mask
            comes from has changed.
    """
    run = load_run(folder)
    # A sparsifier changes the mask; the one that it was given is in `config.json`.
    theirs = None if config.sparsifier else {"rnn": run.network.rnn.mask.digest}
    run_folder.check_masks(folder, {"rnn": config.build_mask().digest}, theirs)
    return run


def build(config: TrainConfig) -> tuple[TaskStream, TaskStream, Network]:
    """Make what a run needs from its configuration.

    Returns:
        The training stream, the held-out stream, whose trials are independent of it, and the
        network at its start.
    """
    training, held_out = streams(config)
    network = Network(
        training.input_size,
        training.output_size,
        config.build_mask(),
        seed=seeding.derive(config.seed, seeding.Purpose.NETWORK),
        **config.network_options(),
    )
    plan_of(config, network)  # Refused before there are files.
    return training, held_out, network


def streams(config: FitConfig) -> tuple[TaskStream, TaskStream]:
    """Make the training stream of a run and its held-out stream.

    Raises:
        InvalidArgument: The suite is unknown, the batches hold no trial, or the objective is none
            for their targets.
    """
    check_targets(config.objective, numbers=config.targets != "labels")

    def stream(purpose: seeding.Purpose) -> TaskStream:
        return task_stream(
            config.suite,
            batch_size=config.batch_size,
            seq_len=config.seq_len,
            seed=seeding.derive(config.seed, purpose),
            dt=config.dt,
            noise=config.noise,
            targets=config.targets,
            rules=config.rules,
        )

    # Evaluations are of all tasks, whatever is trained.
    held_out = stream(seeding.Purpose.HELD_OUT)
    training = stream(seeding.Purpose.TRAINING)
    if config.weights is not None:
        training.drawn(config.weights)  # Refused by its own name.
        training = training.staged([(config.weights, config.steps)])
    if (stages := config.stage_plan.trained()) is not None:
        training = training.staged(stages)
    return training, held_out


def _alone(
    plan: PlannedRun,
    options: RunOptions,
    group: Group,
    progress: Display,
    callbacks: Sequence[Callback],
) -> Outcome | None:
    """The result of one run; None where another process has finished it meanwhile."""
    result = run_to_end([plan], options, group, progress, callbacks).get(0)
    if isinstance(result, TrainingDiverged):
        raise result
    return result
