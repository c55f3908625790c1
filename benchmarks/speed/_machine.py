"""What measurements of speed have in common: the machine, and the file that they end in."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LIBRARIES = ("modcog", "numpy", "numba", "gymnasium", "neurogym")


def machine(load_before: tuple[float, float, float]) -> dict[str, Any]:
    """What it was measured on; the load is the mean number of busy processes over a minute."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = {name: metadata.version(name) for name in LIBRARIES if find_spec(name)}
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
        "load_before": load_before[0],
        "load_after": os.getloadavg()[0],
    }


def finish(result: Mapping[str, Any], output: Path | None) -> int:
    """Print the machine and write what was measured there; the exit status, 0."""
    print(json.dumps(result["machine"]))
    if output:
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0
