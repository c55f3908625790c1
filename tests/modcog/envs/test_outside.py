"""Libraries that train agents take our environments, each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = Path(__file__).parent / "outside"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

TORCH = "torch==2.13.0"  # there are builds without CUDA of this one
ENVIRONMENTS = {
    "agents": [TORCH, "stable-baselines3", "sb3-contrib", "torchrl", "moviepy"],
    "rllib": [TORCH, "ray[rllib]"],
}
CALLERS = {
    "in_stable_baselines": "agents",
    "in_torchrl": "agents",
    "in_moviepy": "agents",
    "in_rllib": "rllib",
}


def test_every_caller_is_tried() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.py")} == set(CALLERS)


@pytest.fixture(scope="module")
def python_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Python of an environment with some packages and what this one needs, made when asked for."""
    made: dict[str, Path] = {}

    def python_of(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp("env") / name
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            bin_folder = "Scripts" if os.name == "nt" else "bin"
            made[name] = folder / bin_folder / "python"
            wanted = [*ENVIRONMENTS[name], *PROJECT["dependencies"]]
            install = [made[name], "-m", "pip", "install", "--quiet", "--prefer-binary", *wanted]
            result = subprocess.run(install, capture_output=True, text=True, check=False)
            if "NewConnectionError" in result.stderr:
                pytest.skip("no package index can be reached")
            assert result.returncode == 0, result.stderr
        return made[name]

    return python_of


@pytest.mark.reference
@pytest.mark.parametrize("caller", CALLERS)
def test_it_takes_our_environments(
    caller: str, python_of: Callable[[str], Path], tmp_path: Path
) -> None:
    command = [python_of(CALLERS[caller]), SCRIPTS / f"{caller}.py", tmp_path]
    system = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        command, cwd=tmp_path, env=system, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
