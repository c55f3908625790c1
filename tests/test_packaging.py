"""The distribution as a user gets it: the wheel's content, and an environment without torch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = ROOT / ".github" / "workflows"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command and return what it printed; fail with its errors."""
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_hashed_constraints_keep_version_and_hash_of_each_file() -> None:
    report = {
        "install": [
            {
                "metadata": {"name": "numpy", "version": "2.1.3"},
                "download_info": {"archive_info": {"hashes": {"sha256": "ab12"}}},
            },
            {"metadata": {"name": "modcog", "version": "0"}, "download_info": {"dir_info": {}}},
        ]
    }
    script = ROOT / ".github" / "hashed_constraints.py"
    printed = subprocess.run(
        [sys.executable, script],
        input=json.dumps(report),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.splitlines()[1:] == ["numpy==2.1.3 --hash=sha256:ab12"]


def test_every_direct_dependency_is_pinned_without_local_suffix() -> None:
    lines = [line for line in PINS.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    pinned = {normalised(line.partition("==")[0]) for line in lines}

    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["rnn"], *extras["dev"]]
    names = {normalised(re.split(r"[^\w.-]", want)[0]) for want in wanted}
    assert names <= pinned


def workflow(name: str) -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))


def steps(name: str) -> list[str]:
    """The commands of a workflow."""
    jobs = workflow(name)["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def test_workflow_tests_the_versions_of_python_that_are_promised() -> None:
    matrix = workflow("tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"]
    promised = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if ":: Python :: 3." in c]
    assert matrix == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"


def test_workflow_tests_the_systems_that_are_promised() -> None:
    assert "Operating System :: OS Independent" in PROJECT["classifiers"]
    jobs = workflow("tests.yml")["jobs"]
    systems = [jobs["tests"]["runs-on"], *jobs["systems"]["strategy"]["matrix"]["system"]]
    assert {name.partition("-")[0] for name in systems} == {"ubuntu", "macos", "windows"}
    ends = jobs["systems"]["strategy"]["matrix"]["python"]
    every = jobs["tests"]["strategy"]["matrix"]["python"]
    assert ends == [every[0], every[-1]]


def test_the_lowest_versions_are_tried() -> None:
    bounds = [*PROJECT["dependencies"]]
    for extra in ("fast", "export"):
        bounds += PROJECT["optional-dependencies"][extra]
    lines = (ROOT / "tests" / "environments" / "lowest.txt").read_text(encoding="utf-8").split()
    tried = dict(line.split("==") for line in lines if "==" in line)
    for name, lowest in (bound.split(">=") for bound in bounds):
        assert re.fullmatch(rf"{re.escape(lowest)}(\.0)*", tried[name]), name


@pytest.mark.reference
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("extra", ["", "[rnn]", "[neurogym]"])
def test_there_are_wheels_for_each_python(python: str, extra: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"]
    command += ["--ignore-installed", "--only-binary=:all:", "--python-version", python]
    command += ["--target", str(tmp_path / "none"), "--report", str(report), "-c", str(PINS)]
    # The folder itself would be built for the Python that runs: what it asks for stands for it.
    name = extra.strip("[]")
    asked = PROJECT["dependencies"] + PROJECT["optional-dependencies"].get(name, [])
    # pip would ask the markers about the Python that runs.
    wanted = []
    for requirement in map(Requirement, asked):
        if not requirement.marker or requirement.marker.evaluate({"python_version": python}):
            wanted.append(f"{requirement.name}{requirement.specifier}")
    if name == "neurogym":  # It pins versions of its own.
        command = command[:-2]
    result = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    if "NewConnectionError" in result.stderr:
        pytest.skip("no package index can be reached")
    assert result.returncode == 0, result.stderr
    found = json.loads(report.read_text(encoding="utf-8"))["install"]
    names = {normalised(item["metadata"]["name"]) for item in found}
    assert {"numpy", "gymnasium", "matplotlib"} <= names
    assert ("torch" in names) == (name == "rnn")
    assert ("neurogym" in names) == (name == "neurogym" and python != "3.14")


def test_workflows_use_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    used = re.findall(r"make ([a-z-]+)", "\n".join(steps("tests.yml")))
    assert {"test", "test-slow", "test-docs", "drill", "test-envs"} == set(used)
    assert set(used) <= targets


# macOS ships GNU make 3.81 of 2006: what came after, and where it is read as something else.
NEWER_THAN_MAKE_3_81 = (
    r"^[^\t#]*!=",  # 4.0: assignment of a command's output
    r"^[^\t#]*::?:=",  # 4.0: POSIX assignment
    r"&:",  # 4.3: grouped targets
    r"^\.(ONESHELL|SHELLFLAGS|POSIX|NOTINTERMEDIATE)\b",  # 3.82 and later
    r"^(undefine|private|load)\b",  # 3.82 and later
    r"\$\((file|guile|let|intcmp) ",  # 4.0 and later
)


@pytest.mark.parametrize("feature", NEWER_THAN_MAKE_3_81)
def test_make_of_macos_understands_the_makefile(feature: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert not re.findall(feature, makefile, flags=re.MULTILINE)


def test_make_needs_no_tool_of_gnu_alone() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    # -i takes an argument on BSD; the others are not there.
    assert not re.findall(r"sed (?:-\w+ )*-[ir]\b|readlink -f|cp --|xargs -r|grep -P", makefile)


def test_release_publishes_without_a_secret() -> None:
    publish = workflow("release.yml")["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "release"
    assert publish["needs"] == "build"
    assert "secrets." not in (WORKFLOWS / "release.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("tag", "passes"), [(f"v{PROJECT['version']}", True), ("v99.0.0", False), ("v0.1", False)]
)
def test_release_stops_where_tag_and_version_differ(tag: str, passes: bool, tmp_path: Path) -> None:
    (check,) = [step for step in steps("release.yml") if "GITHUB_REF_NAME" in step]
    for name in ("pyproject.toml", "CITATION.cff"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "modcog").mkdir()
    init = (ROOT / "modcog" / "__init__.py").read_bytes()
    (tmp_path / "modcog" / "__init__.py").write_bytes(init)
    (tmp_path / "CHANGELOG.md").write_text(f"## [{PROJECT['version']}] - 2026-01-01\n")
    result = subprocess.run(
        ["bash", "-e", "-c", check],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag},
        check=False,
    )
    assert (result.returncode == 0) == passes


def test_audit_reads_the_pins() -> None:
    (command,) = steps("audit.yml")
    assert "pip-audit" in command
    assert f"--requirement {PINS.name}" in command


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_workflows_run_what_was_looked_at(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for used in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used
    for tool in re.findall(r"pipx run (\S+)", text):
        assert re.fullmatch(r"[\w-]+==[\d.]+", tool), tool
    for job in workflow(path.name)["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


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


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the wheel and the source distribution that ``python -m build`` makes."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return folder


@pytest.mark.slow
def test_build_makes_a_small_wheel_and_a_source_distribution(distributions: Path) -> None:
    version = PROJECT["version"]
    sizes = {path.name: path.stat().st_size for path in distributions.iterdir()}
    wheel, source = f"modcog-{version}-py3-none-any.whl", f"modcog-{version}.tar.gz"
    assert set(sizes) == {wheel, source}
    assert sizes[wheel] < 1_800_000  # About half of it are the networks of the zoo.
    assert sizes[source] < 5_000_000


@pytest.mark.slow
def test_source_distribution_has_what_builds_and_tests_need(distributions: Path) -> None:
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", "Makefile", "constraints.txt", "mkdocs.yml", "LICENSE", "README.md"}
    assert needed <= names
    assert {"tests/conftest.py", "docs/index.md", "notebooks/task_from_pieces.py"} <= names
    assert not [name for name in names if name.startswith(("runs/", "site/", ".venv", ".git/"))]


@pytest.mark.slow
def test_wheel_tells_type_checkers_its_types(wheel: Path, tmp_path: Path) -> None:
    # What a user's checker sees: the installed files, without this checkout.
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = tmp_path / "uses.py"
    program.write_text(
        "import modcog\n"
        "reveal_type(modcog.describe('Go'))\n"
        "reveal_type(modcog.BatchSampler('cog-20').batch(0))\n",
        encoding="utf-8",
    )
    (tmp_path / "pyrightconfig.json").write_text('{"extraPaths": ["site"]}', encoding="utf-8")
    checker = Path(sys.executable).with_name("basedpyright")
    told = subprocess.run(
        [checker, "--pythonpath", sys.executable, program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert re.findall(r'is "(\w+)"', told) == ["str", "Batch"], told


@pytest.mark.slow
def test_wheel_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"modcog", "sparse_rnn"}
    assert {"modcog/py.typed", "sparse_rnn/py.typed"} <= set(names)
    assert not [name for name in names if re.search(r"(^|/)(conf)?test", name)]
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


@pytest.mark.slow
def test_wheel_holds_every_module_page_and_network(wheel: Path) -> None:
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("modcog", "sparse_rnn")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "sparse_rnn/training/zoo_runs/local-cog20.zip" in sources
    assert sources <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.slow
def test_gym_make_works_without_importing_modcog(empty_environment: Path, tmp_path: Path) -> None:
    code = (
        "import gymnasium as gym\n"
        "env = gym.make('modcog:modcog/DlyGo_IntL_SeqR-v0')\n"
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
