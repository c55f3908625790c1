"""The experiments by id, in the order in which they are run: each is a file and a claim."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from benchmarks.paper._experiment import Experiment
from benchmarks.questions.claims import CLAIMS

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {name: import_module(f"benchmarks.questions.{name}").EXPERIMENT for name in CLAIMS}
)
"""Of each claim, the experiment in the file of its id."""
