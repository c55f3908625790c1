"""The distribution as a user gets it: the wheel's content, and an environment without torch."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints.txt"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command and return what it printed; fail with its errors."""
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_direct_dependency_is_pinned_without_local_suffix() -> None:
    lines = [line for line in PINS.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    pinned = {normalised(line.partition("==")[0]) for line in lines}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["rnn"], *extras["dev"]]
    names = {normalised(re.split(r"[^\w.-]", want)[0]) for want in wanted}
    assert names <= pinned


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of a new environment that holds `pip install .` and no more."""
    folder = tmp_path_factory.mktemp("env") / "venv"
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", PINS, ".")
    return folder / "bin"


@pytest.mark.slow
def test_wheel_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"modcog", "sparse_rnn"}
    assert {"modcog/py.typed", "sparse_rnn/py.typed"} <= set(names)
    assert not [name for name in names if re.search(r"(^|/)(conf)?test", name)]
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


@pytest.mark.slow
def test_wheel_holds_every_module(wheel: Path) -> None:
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("modcog", "sparse_rnn")
        for path in (ROOT / package).rglob("*.py")
    }
    assert sources <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.slow
def test_gym_make_works_without_importing_modcog(empty_environment: Path, tmp_path: Path) -> None:
    code = (
        "import gymnasium as gym\n"
        "env = gym.make('modcog/DlyGo_IntL_SeqR-v0')\n"
        "observation, info = env.reset(seed=0)\n"
        "assert env.observation_space.contains(observation)\n"
        "env.step(0)\n"
    )
    run(empty_environment / "python", "-c", code, cwd=tmp_path)


@pytest.mark.slow
def test_plain_install_brings_no_torch(empty_environment: Path, tmp_path: Path) -> None:
    code = (
        "import importlib.util\n"
        "assert importlib.util.find_spec('torch') is None\n"
        "try:\n"
        "    import sparse_rnn\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    message = run(empty_environment / "python", "-c", code, cwd=tmp_path)
    assert "pip install" in message
    assert "[rnn]" in message


@pytest.mark.slow
def test_plain_install_has_the_command_line(empty_environment: Path, tmp_path: Path) -> None:
    assert "DlyGo_IntL_SeqR" in run(empty_environment / "modcog", "list", cwd=tmp_path)
