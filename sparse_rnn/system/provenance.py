"""Where a result came from: versions, commit and machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

MODIFIED = "+modified"
"""Ends the commit of code that had changes which were not committed."""

_PACKAGES = ("modcog", "torch", "numpy", "scipy", "pydantic", "safetensors")


def provenance() -> dict[str, Any]:
    """Describe the software and the machine, in JSON types.

    Returns:
        ``versions`` of Python and of the packages that decide numbers, ``git`` (see `git_state`),
        and ``machine``: platform, processor, cores and threads.
    """
    return {
        "versions": {"python": platform.python_version(), **_package_versions()},
        "git": git_state(Path(__file__).parent),
        "machine": {
            "platform": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        },
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the checkout that tracks a folder's files, and whether they were changed since.

    Returns:
        ``commit`` and ``modified``, or None where git is absent or does not track the folder, such
        as an installed package inside somebody else's checkout.
    """
    if not _git(folder, "ls-files", "."):
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    modified = bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))
    return {"commit": commit, "modified": modified}


def _git(folder: Path, *arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()


def _package_versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions


def processor() -> str:
    """Name of the processor of this machine, as far as the system says it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
