"""Mod-Cog: 168 composable cognitive tasks for training recurrent networks.

The 20 tasks of Yang et al. (2019) and their Mod-Cog variants (Khona, Chandra, Ma & Fiete, 2023),
as gymnasium environments and as vectorised batches for supervised training. Importing this
package loads numpy and little else; gymnasium and neurogym are imported when an environment is
first made.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from modcog.registration import register_if_needed

if TYPE_CHECKING:
    from modcog.bank import TrialBank as TrialBank, trial_bank as trial_bank
    from modcog.catalog import suite as suite, suites as suites, task_names as task_names
    from modcog.chance import chance_level as chance_level, chance_table as chance_table
    from modcog.checks import check_modifier as check_modifier, check_task as check_task
    from modcog.configure import task as task, task_from_json as task_from_json
    from modcog.dataset import Dataset as Dataset
    from modcog.env import TaskEnv as TaskEnv
    from modcog.errors import (
        AmbiguousIntervalWarning as AmbiguousIntervalWarning,
        ExportFailed as ExportFailed,
        InvalidArgument as InvalidArgument,
        ModcogError as ModcogError,
        ModifierRefused as ModifierRefused,
        UnknownName as UnknownName,
    )
    from modcog.exporting import export as export
    from modcog.factorial import conditions as conditions
    from modcog.lengths import TrialLengths as TrialLengths, trial_lengths as trial_lengths
    from modcog.plotting import plot_trial as plot_trial
    from modcog.prefetch import Prefetch as Prefetch
    from modcog.rendering import Rendered as Rendered, render as render
    from modcog.sampler import Batch as Batch, BatchSampler as BatchSampler
    from modcog.scoring import Evaluation as Evaluation, evaluate as evaluate, pool as pool
    from modcog.sentences import describe as describe
    from modcog.spec import Period as Period, TaskSpec as TaskSpec
    from modcog.trials import Stimulus as Stimulus, Trials as Trials, sample as sample
    from modcog.vector import TaskVectorEnv as TaskVectorEnv, make_vec as make_vec
    from modcog.wrappers import Integrate as Integrate, Sequence as Sequence, make as make

__version__ = "0.1.0"

_HOMES = {
    "bank": ("TrialBank", "trial_bank"),
    "factorial": ("conditions",),
    "prefetch": ("Prefetch",),
    "checks": ("check_modifier", "check_task"),
    "configure": ("task", "task_from_json"),
    "dataset": ("Dataset",),
    "env": ("TaskEnv",),
    "errors": (
        "AmbiguousIntervalWarning",
        "ExportFailed",
        "InvalidArgument",
        "ModcogError",
        "ModifierRefused",
        "UnknownName",
    ),
    "exporting": ("export",),
    "lengths": ("TrialLengths", "trial_lengths"),
    "plotting": ("plot_trial",),
    "rendering": ("Rendered", "render"),
    "sampler": ("Batch", "BatchSampler"),
    "chance": ("chance_level", "chance_table"),
    "scoring": ("Evaluation", "evaluate", "pool"),
    "sentences": ("describe",),
    "spec": ("Period", "TaskSpec"),
    "catalog": ("suite", "suites", "task_names"),
    "vector": ("TaskVectorEnv", "make_vec"),
    "wrappers": ("Integrate", "Sequence", "make"),
    "trials": ("Stimulus", "Trials", "sample"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

# The table above is the one list of public names; the imports above tell type checkers.
__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, for completion."""
    return [*__all__, "__version__"]


register_if_needed()
