"""Mod-Cog: 168 composable cognitive tasks for training recurrent networks.

The 20 tasks of Yang et al. (2019) and their Mod-Cog variants (Khona, Chandra, Ma & Fiete, 2023),
as gymnasium environments and as vectorised batches for supervised training. Importing this
package loads numpy, the tables of tasks and modifiers and, where gymnasium has no plugins (1.x),
gymnasium, to register the ids; neurogym, if it is there, is imported when an environment is first
made.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from modcog.envs.registration import register_if_needed

if TYPE_CHECKING:
    from modcog.batches import schedules as schedules
    from modcog.batches.bank import TrialBank as TrialBank, trial_bank as trial_bank
    from modcog.batches.batch import Batch as Batch
    from modcog.batches.conditions import conditions as conditions
    from modcog.batches.dataset import Dataset as Dataset
    from modcog.batches.prefetch import Prefetch as Prefetch
    from modcog.batches.sampler import BatchSampler as BatchSampler
    from modcog.batches.targets import targets_of as targets_of
    from modcog.catalog import rules as rules, splits as splits
    from modcog.catalog.chance import chance_level as chance_level, chance_table as chance_table
    from modcog.catalog.features import features as features
    from modcog.catalog.filters import suite as suite
    from modcog.catalog.lengths import TrialLengths as TrialLengths
    from modcog.catalog.sampling import sample as sample
    from modcog.catalog.sentences import describe as describe
    from modcog.catalog.settings import task as task, task_from_json as task_from_json
    from modcog.catalog.suites import suites as suites, task_names as task_names
    from modcog.catalog.trial_lengths import trial_lengths as trial_lengths
    from modcog.checks import check_modifier as check_modifier, check_task as check_task
    from modcog.envs.env import TaskEnv as TaskEnv
    from modcog.envs.registration import (
        register_suite as register_suite,
        register_task as register_task,
        unregister as unregister,
    )
    from modcog.envs.vector import TaskVectorEnv as TaskVectorEnv, make_vec as make_vec
    from modcog.envs.wrappers import Integrate as Integrate, Sequence as Sequence, make as make
    from modcog.errors import (
        AmbiguousIntervalWarning as AmbiguousIntervalWarning,
        ExportFailed as ExportFailed,
        InvalidArgument as InvalidArgument,
        ModcogError as ModcogError,
        ModifierRefused as ModifierRefused,
        UnknownName as UnknownName,
    )
    from modcog.explore.pictures import plot_trial as plot_trial
    from modcog.exporting.export import export as export
    from modcog.rendering.reference import Rendered as Rendered, render as render
    from modcog.scoring.measures import Evaluation as Evaluation, evaluate as evaluate, pool as pool
    from modcog.trials.draws import Draws as Draws
    from modcog.trials.interfaces import Strategy as Strategy
    from modcog.trials.plan import Stimulus as Stimulus, Trials as Trials
    from modcog.trials.sampling import plan_trials as plan_trials
    from modcog.trials.spec import Period as Period, TaskSpec as TaskSpec

__version__ = "0.2.0"

_HOMES = {
    "batches.bank": ("TrialBank", "trial_bank"),
    "batches.conditions": ("conditions",),
    "batches.prefetch": ("Prefetch",),
    "checks": ("check_modifier", "check_task"),
    "catalog.settings": ("task", "task_from_json"),
    "batches.dataset": ("Dataset",),
    "envs.env": ("TaskEnv",),
    "errors": (
        "AmbiguousIntervalWarning",
        "ExportFailed",
        "InvalidArgument",
        "ModcogError",
        "ModifierRefused",
        "UnknownName",
    ),
    "exporting.export": ("export",),
    "catalog.features": ("features",),
    "catalog.filters": ("suite",),
    "catalog.lengths": ("TrialLengths",),
    "catalog.trial_lengths": ("trial_lengths",),
    "explore.pictures": ("plot_trial",),
    "rendering.reference": ("Rendered", "render"),
    "batches.batch": ("Batch",),
    "batches.sampler": ("BatchSampler",),
    "batches.targets": ("targets_of",),
    "catalog.chance": ("chance_level", "chance_table"),
    "scoring.measures": ("Evaluation", "evaluate", "pool"),
    "catalog.sampling": ("sample",),
    "catalog.sentences": ("describe",),
    "trials.spec": ("Period", "TaskSpec"),
    "catalog.suites": ("suites", "task_names"),
    "envs.registration": ("register_suite", "register_task", "unregister"),
    "envs.vector": ("TaskVectorEnv", "make_vec"),
    "envs.wrappers": ("Integrate", "Sequence", "make"),
    "trials.plan": ("Stimulus", "Trials"),
    "trials.draws": ("Draws",),
    "trials.interfaces": ("Strategy",),
    "trials.sampling": ("plan_trials",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = {
    "rules": "catalog.rules",
    "schedules": "batches.schedules",
    "splits": "catalog.splits",
}
"""Modules whose own names are public, under the name that they have here."""

# The one laziness of this package, since gymnasium and matplotlib cost more than all of it. The
# imports above repeat the table for type checkers and editors, which read imports alone.
__all__ = sorted({**_MODULE_OF, **_MODULES})  # pyright: ignore[reportUnsupportedDunderAll] - see above


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name in _MODULES:
        value = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    elif name in _MODULE_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, for completion."""
    return [*__all__, "__version__"]


register_if_needed()
