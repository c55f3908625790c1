"""Compiled code on disk: what is damaged, old or cannot be written costs time and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytest.importorskip("numba")


def test_the_two_packages_keep_compiled_code_in_the_same_way() -> None:
    one = (ROOT / "modcog" / "rendering" / "compiling.py").read_bytes()
    assert (ROOT / "sparse_rnn" / "kernels" / "cpu" / "compiling.py").read_bytes() == one


def test_all_that_is_compiled_lies_beside_what_digests_it() -> None:
    modules = [path for name in ("modcog", "sparse_rnn") for path in (ROOT / name).rglob("*.py")]
    marks = ("@kept_njit(", "@intrinsic")
    compiled = [path for path in modules if any(mark in path.read_text("utf-8") for mark in marks)]
    assert len(compiled) >= 4
    assert not [path for path in compiled if not (path.parent / "compiling.py").exists()]


# A package of two files, of which one is compiled into the other.
OUTER = """
from pathlib import Path
import numpy as np
from small.compiling import kept_njit
from small.inner import grow

@kept_njit(nogil=True)
def total(values):
    result = 0
    for value in values:
        result += grow(value)
    return result

if __name__ == "__main__":
    print(total(np.arange(4)), sum(total.stats.cache_misses.values()))
"""
INNER = """
from small.compiling import kept_njit

@kept_njit(inline="always")
def grow(value):
    return value + {step}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The folder that holds the package."""
    folder = tmp_path / "small"
    folder.mkdir()
    shutil.copy(ROOT / "modcog" / "rendering" / "compiling.py", folder)
    (folder / "outer.py").write_text(OUTER)
    (folder / "inner.py").write_text(INNER.format(step=1))
    return tmp_path


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    cleaned = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    return subprocess.run(
        [sys.executable, "-B", *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**cleaned, "PYTHONPATH": f"{folder}:{ROOT}", **environment},
    )


def totals(small: Path, **environment: str) -> tuple[str, str]:
    """What the program prints (its result, and how often it compiled), and its warnings."""
    environment = {"NUMBA_CACHE_DIR": str(small / "cache"), **environment}
    result = run(["-m", "small.outer"], small, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout, result.stderr


def kept(small: Path, ending: str) -> Iterator[Path]:
    return (small / "cache").rglob(f"outer.total*.{ending}")


@pytest.mark.drill
def test_damaged_files_are_made_again(small: Path) -> None:
    assert totals(small) == ("10 1\n", "")
    assert totals(small) == ("10 0\n", "")
    for ending in ("nbi", "nbc"):
        (file,) = kept(small, ending)
        whole = file.read_bytes()
        for damage in (b"", whole[:20], whole[:-7], whole[:100] + b"?" + whole[101:], b"x" * 99):
            file.write_bytes(damage)
            assert totals(small) == ("10 1\n", ""), (ending, damage[:20])
            assert totals(small) == ("10 0\n", "")
        file.unlink()
        assert totals(small) == ("10 1\n", "")


@pytest.mark.drill
def test_an_edit_of_a_file_that_is_compiled_into_another_counts(small: Path) -> None:
    assert totals(small) == ("10 1\n", "")
    inner = small / "small" / "inner.py"
    before = inner.stat()
    inner.write_text(INNER.format(step=3))
    os.utime(inner, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time
    assert totals(small) == ("18 1\n", "")
    assert totals(small) == ("18 0\n", "")
    assert totals(small, NUMBA_BOUNDSCHECK="1") == ("18 1\n", "")


@pytest.mark.drill
def test_without_a_folder_that_can_be_written_it_is_compiled_in_memory(small: Path) -> None:
    file = small / "file"
    file.touch()
    (small / "small" / "__pycache__").touch()  # no folder can be made here
    where = {"NUMBA_CACHE_DIR": str(file), "XDG_CACHE_HOME": str(file), "HOME": str(file)}
    stdout, stderr = totals(small, **where)
    assert stdout == "10 1\n"
    assert stderr.count("UserWarning") == 1
    assert "it is compiled anew in each process; set NUMBA_CACHE_DIR" in stderr


@pytest.mark.drill
def test_a_disk_that_is_full_at_the_end_stops_nothing(small: Path) -> None:
    script = (
        "import os, runpy\n"
        "def full(*_): raise OSError(28, 'No space left on device')\n"
        "os.replace = full\n"
        "runpy.run_module('small.outer', run_name='__main__')\n"
    )
    result = run(["-c", script], small, NUMBA_CACHE_DIR=str(small / "cache"))
    assert result.stdout == "10 1\n", result.stderr
    assert "No space left on device" in result.stderr
    assert totals(small) == ("10 1\n", "")


BATCH = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np, modcog
    sampler = modcog.BatchSampler("cog-20", batch_size=2, seq_len=60, seed=1)
    print(repr(float(sampler.batch(2).inputs.astype("f8").sum())))
    modcog.trial_bank("Go", 3)
    modcog.Dataset("Go", batch_size=1)()
    modcog.make_vec("Go", 2).reset(seed=0)
    modcog.check_task("Go", n_trials=5)
    try:
        modcog.BatchSampler("Go", renderer="numba").batch(0)
    except modcog.InvalidArgument as error:
        print(error)
print(*(str(w.message) for w in caught if "numpy" in str(w.message)), sep="\\n")
"""

TRAIN = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import sparse_rnn as srnn
    config = srnn.TrainConfig(arch="locality", size=(9, 9), radius=1, steps=2, batch_size=2)
    print(len(srnn.train(config).history["loss"]))
    try:
        srnn.TrainConfig(arch="locality", size=(9, 9), radius=1, backend="sparse_cpu")
        srnn.Network(3, 2, srnn.masks.locality((9, 9), 1), backend="sparse_cpu")
    except srnn.SparseRnnError as error:
        print(error)
print(*(str(w.message) for w in caught if "numba" in str(w.message)), sep="\\n")
"""

BROKEN_IMPORTS = {
    "ImportError": "raise ImportError('Numba needs NumPy 1.0 or less.')",
    "OSError": "raise OSError('libllvm.so: cannot open shared object file')",
    "SyntaxError": "this is no Python",
    "half": "__version__ = '0.1'",
}


@pytest.fixture(params=sorted(BROKEN_IMPORTS))
def with_a_broken_numba(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "__init__.py").write_text(BROKEN_IMPORTS[request.param])
    return tmp_path


@pytest.mark.drill
def test_a_broken_numba_leaves_the_trials_to_numpy_with_one_warning(
    with_a_broken_numba: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = run(["-c", BATCH], with_a_broken_numba)
    assert broken.returncode == 0, broken.stderr
    total, refusal, warning = broken.stdout.splitlines()
    right = run(["-c", BATCH], tmp_path_factory.mktemp("right"))
    assert total == right.stdout.splitlines()[0], right.stderr
    assert refusal.startswith('renderer must be "numpy" or "auto" here; got \'numba\'.')
    assert warning.startswith("Trials are rendered with numpy: numba is ")


@pytest.mark.drill
def test_a_broken_numba_leaves_the_network_to_the_next_kernel_with_one_warning(
    with_a_broken_numba: Path,
) -> None:
    broken = run(["-c", TRAIN], with_a_broken_numba)
    assert broken.returncode == 0, broken.stderr
    n_losses, refusal, *told = broken.stdout.splitlines()
    assert n_losses == "2"
    assert "(numba is installed but does not work: " in refusal
    assert sum("A sparse backend would be faster here" in line for line in told) == 1
