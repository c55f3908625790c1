"""The examples of CONTRIBUTING.md become part of the package by what that page says, and no more.

Each test copies the packages, adds the example's code and the row, and uses the result by name.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import modcog

ROOT = Path(__file__).resolve().parent.parent


def copied(folder: Path, *packages: str) -> Path:
    """Copy packages into a folder, with what has been compiled of them.

    What is compiled belongs to the content of its sources, so that what is edited is made again.
    """
    # Not the files that other processes are about to give their names.
    ignored = shutil.ignore_patterns("results", "*.pyc.*", "*.tmp.*")
    for package in packages:
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of both packages that may be edited."""
    return copied(tmp_path, "modcog", "sparse_rnn")


DEFINITION = re.compile(r"import |from |def |class |@|[A-Z_]+ = ")


def example(heading: str, package: str) -> str:
    """Imports and definitions of a section, and what earlier sections import of use to it.

    The package itself is left out: its own modules must not import its public names.
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    before, section = text.split(f"\n## {heading}\n")
    (block, *_) = section.split("```python\n")[1].split("```")
    shown = doctest.DocTestParser().get_examples
    imports = [e.source for e in shown(before) if e.source.startswith(("import ", "from "))]
    definitions = [e.source for e in shown(block) if DEFINITION.match(e.source)]
    public = re.compile(rf"import {package}( as \w+)?\n")
    return "".join(line for line in [*imports, *definitions] if not public.fullmatch(line))


def insert(path: Path, anchor: str, text: str) -> None:
    """Write a text before the last occurrence of an anchor."""
    before, found, after = path.read_text(encoding="utf-8").rpartition(anchor)
    assert found, f"{path.name} has no {anchor!r} any more"
    path.write_text(before + text + anchor + after, encoding="utf-8")


def run(checkout: Path, code: str) -> str:
    """Run code on the copied packages; return what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def at_home(code: str) -> str:
    """The code with each public name of modcog imported from its own module."""

    def imports(found: re.Match[str]) -> str:
        names = found[1].split(", ")
        homes = ((getattr(modcog, name).__module__, name) for name in names)
        return "\n".join(f"from {home} import {name}" for home, name in homes)

    return re.sub(r"^from modcog import ((?!ring\b).*)$", imports, code, flags=re.MULTILINE)


def add_task(checkout: Path) -> None:
    """One file and one row."""
    tasks = checkout / "modcog" / "tasks"
    code = at_home(example("Add a task", "modcog"))
    (tasks / "ring_go.py").write_text(code, encoding="utf-8")
    insert(tasks / "__init__.py", ")\n\nBUILT_IN", '    "ring_go:RING_GO",\n')


def add_modifier(checkout: Path) -> None:
    """One file and one row."""
    modifiers = checkout / "modcog" / "modifiers"
    code = at_home(example("Add a modifier", "modcog"))
    (modifiers / "turn.py").write_text(code, encoding="utf-8")
    insert(modifiers / "__init__.py", ")\n\nMODIFIERS", '    "turn:TurnModifier",\n')


def test_a_task_is_a_file_and_a_row(checkout: Path) -> None:
    add_task(checkout)
    printed = run(
        checkout,
        "import gymnasium as gym, modcog\n"
        "modcog.check_task('RingGo_IntL_SeqR', strength=0.5)\n"
        "gym.make('modcog/RingGo_IntL_SeqR-v0').reset(seed=0)\n"
        "spec = modcog.task('ringgointl')\n"
        "assert modcog.task_from_json(spec.to_json()) == spec\n"
        "assert modcog.BatchSampler(['RingGo'], batch_size=2).batch(0).trials.task[0] == 'RingGo'\n"
        "assert modcog.describe('RingGo_SeqL').startswith('Answer in the direction of')\n"
        "assert modcog.chance_table('RingGo')['ignore ring'] == (0.5, 0.5)\n"
        "assert modcog.chance_level('RingGo', ignores='evidence') == 0.5\n"
        "assert modcog.chance_level('RingGo') == 1 / 16\n"
        "assert modcog.features()['RingGo_IntL']['timed'] == 'delay'\n"
        "modcog.plot_trial('RingGo')\n"
        "print(len(modcog.suite('cog-20')), len(modcog.task_names()))",
    )
    assert printed == f"20 {168 + 9}"


def test_a_modifier_is_a_file_and_a_row(checkout: Path) -> None:
    add_modifier(checkout)
    printed = run(
        checkout,
        "import gymnasium as gym, modcog\n"
        "from modcog.modifiers import MODIFIERS\n"
        "for name in ('Go_TurnL', 'dlygointlturnrseql', 'DMS_TurnR_IntL'):\n"
        "    spec = modcog.task(name, turn_quarters=2)\n"
        "    modcog.check_task(spec)\n"
        "    assert modcog.task_from_json(spec.to_json()) == spec\n"
        "    env = modcog.make(name, turn_quarters=2)\n"
        "    assert env.task_spec == spec\n"
        "    env.reset(seed=0)\n"
        "    assert env.unwrapped.trial['task'] == spec.name\n"
        "assert modcog.describe('Go_TurnL').endswith('; the answer is turned left by 90°.')\n"
        "assert modcog.chance_table('Go_TurnL')['ignore turn'] == (0, 0)\n"
        "texts = [ax.get_title(loc='left') for ax in modcog.plot_trial('Go_TurnL').axes]\n"
        "assert 'turned by 90°' in texts[0]\n"
        "gym.make('modcog/RTGo_TurnR-v0').reset(seed=0)\n"
        "print(modcog.check_modifier(MODIFIERS['Turn']('L')), spec.name, len(modcog.task_names()))",
    )
    assert printed == f"20 DMS_TurnR_IntL {168 + 40}"


def test_a_task_and_a_modifier_that_know_nothing_of_each_other_meet(checkout: Path) -> None:
    add_task(checkout)
    add_modifier(checkout)
    printed = run(
        checkout,
        "import gymnasium as gym, modcog\n"
        "modcog.check_task('RingGo_IntR_TurnL')\n"
        "gym.make('modcog/RingGo_TurnL-v0').reset(seed=0)\n"
        "print(*modcog.chance_table('RingGo_TurnL'), len(modcog.task_names()), sep=', ')",
    )
    *_, ring, turn, n_names = printed.split(", ")
    assert (ring, turn, n_names) == ("ignore ring", "ignore turn", str(168 + 9 + 42))


def test_a_rule_encoding_and_a_target_are_a_function_and_a_row(checkout: Path) -> None:
    heading = "Add a rule encoding or a kind of target"
    blocks = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = blocks.split(f"\n## {heading}\n")[1].split("\n## ")[0].split("```python\n")[1:]
    encoding, target = (
        "".join(
            e.source
            for e in doctest.DocTestParser().get_examples(block.split("```")[0])
            if DEFINITION.match(e.source) and not e.source.startswith("from modcog")
        )
        for block in blocks
    )
    rules = checkout / "modcog" / "catalog" / "rules.py"
    insert(rules, "ENCODINGS: Mapping", encoding)
    insert(rules, '}\n)\n"""Encodings by name."""', '"count": count_modifiers,\n')
    targets = checkout / "modcog" / "batches" / "targets.py"
    insert(targets, "TARGETS: Mapping", target)
    insert(targets, '}\n)\n"""Kinds of targets by name."""', '"go": GO_SIGNAL,\n')
    printed = run(
        checkout,
        "import modcog, tempfile, pathlib\n"
        "sampler = modcog.BatchSampler('mod-cog-84', batch_size=4, rules='count', targets='go')\n"
        "batch = sampler.batch(0)\n"
        "assert batch.targets.shape[2:] == (sampler.output_size,) == (1,)\n"
        "assert modcog.make('Go_SeqL', rules='count').reset(seed=0)[0][-1] == 1\n"
        "bank = modcog.trial_bank('Go', 3, rules='count', targets='go')\n"
        "assert bank.targets.sum() == (modcog.trial_bank('Go', 3).targets > 0).sum()\n"
        "assert modcog.targets_of(batch.trials, 'go').sum() == batch.targets.sum()\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    modcog.export(sampler, pathlib.Path(folder) / 'data.npz', 1)\n"
        "print(sampler.input_size, sampler.identity['targets'])",
    )
    assert printed == "34 go"


def test_a_mask_family_is_a_function_and_a_row(checkout: Path) -> None:
    masks = checkout / "sparse_rnn" / "masks"
    code = "".join(
        line
        for line in example("Add a mask family", "sparse_rnn").splitlines(keepends=True)
        if "modcog" not in line
    )
    private = "from sparse_rnn.masks._mask import Mask\n"
    private += "from sparse_rnn.masks._sizes import Size, check_size\n"
    code = code.replace("from sparse_rnn.masks import Mask, Size, check_size\n", private)
    (masks / "chain.py").write_text(code, encoding="utf-8")
    insert(masks / "__init__.py", "    }\n)", '        "chain": chain,\n')
    insert(masks / "__init__.py", "MASKS: Mapping", "from sparse_rnn.masks.chain import chain\n")
    printed = run(
        checkout,
        "import sparse_rnn as srnn\n"
        "config = srnn.TrainConfig(arch='chain', size=10, mask_options={'reach': 2})\n"
        "print(config.build_mask())",
    )
    assert printed == "<Mask chain(size=(10,), reach=2): 10 units, 27 synapses>"


@pytest.mark.slow
def test_an_optimiser_and_an_objective_are_a_function_and_a_row_each(checkout: Path) -> None:
    config = checkout / "sparse_rnn" / "config"
    for heading, table, row in (
        ("Add an optimiser", "optimisers", '"rmsprop": rmsprop'),
        ("Add an objective", "objectives", '"margin": margin'),
    ):
        path = config / f"{table}.py"
        code = example(heading, "sparse_rnn")
        insert(path, f"\n\n{table.upper()}: Mapping", "\n\n" + code[code.index("import torch\n") :])
        insert(path, '}\n)\n"""All', f", {row}")
    printed = run(
        checkout,
        "import sparse_rnn as srnn\n"
        "config = srnn.TrainConfig(suite='Go', arch='autapse', size=8, steps=2, eval_batches=1,\n"
        "    final_batches=1, optimiser='rmsprop', optimiser_options={'alpha': 0.9},\n"
        "    objective='margin')\n"
        "print(len(srnn.train(config).history), config.optimiser_options)",
    )
    assert printed == "2 {'alpha': 0.9}"
