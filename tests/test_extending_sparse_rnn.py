"""A mask family, a kernel, a sparsifier, a command, an experiment join by one file and one row.

Each test copies the packages, adds the made-up member, and uses it by name.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.test_extending import copied, insert, run as run_code


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the packages that may be edited."""
    return copied(tmp_path, "modcog", "sparse_rnn", "benchmarks")


def run(checkout: Path, code: str) -> str:
    """Run code on the copies; return what it printed."""
    return run_code(checkout, dedent(code))


def write(path: Path, code: str) -> None:
    """Add a file that was not there."""
    assert not path.exists()
    path.write_text("from __future__ import annotations\n" + dedent(code), encoding="utf-8")


FAMILY = '''
import numpy as np

def ladder(size, rungs: int = 1):
    """Connect each unit to those a few places before it.

    Args:
        size: Number of units.
        rungs: How many places.
    """
    n_units = int(np.prod(size))
    targets = np.arange(rungs, n_units)
    return Mask.from_edges(
        n_units,
        targets,
        targets - rungs,
        family="ladder",
        parameters={"size": size, "rungs": rungs},
    )
'''


def test_a_mask_family_is_a_function_and_a_row(checkout: Path) -> None:
    masks = checkout / "sparse_rnn" / "masks"
    write(masks / "ladder.py", f"from sparse_rnn.masks._mask import Mask\n{FAMILY}")
    row = '        "ladder": ladder,\n'
    insert(masks / "__init__.py", "    }\n)", row)
    insert(masks / "__init__.py", "MASKS: Mapping", "from sparse_rnn.masks.ladder import ladder\n")
    printed = run(
        checkout,
        """
        import sparse_rnn as srnn
        from sparse_rnn.cli import main

        srnn.masks.check_mask_family(srnn.masks.MASKS["ladder"], 9, rungs=2)
        print(srnn.TrainConfig(arch="ladder", size=9, mask_options={"rungs": 2}).build_mask().nnz)
        assert main(["info", "--arch", "ladder", "--size", "9", "--mask.rungs", "3"]) == 0
        """,
    )
    assert printed.startswith("7\n")
    assert "6 synapses" in printed


SPARSIFIER = '''
from sparse_rnn.masks import Seed
from sparse_rnn.nn.network import Network
from sparse_rnn.sparsify import _schedules as schedules, _subject as subject
from sparse_rnn.sparsify._result import Sparsified, result

def timid(network: Network, density: float, *, power: float = 1.0, seed: Seed = 0) -> Sparsified:
    """Keep the smallest weights.

    Args:
        network: The network.
        density: Synapses over N squared.
        power: Of the weights.
        seed: Orders equal ones.
    """
    n_kept, rng = subject.budget(network, density), subject.generator(seed)
    scores = -(abs(subject.weights(network)) ** power).sum(axis=0)
    budgets = schedules.once(scores.size, n_kept)
    kept = schedules.prune(lambda _: scores, scores.size, budgets, rng)
    return result(network, kept, "timid", seed, density=density, power=power)
'''


def test_a_sparsifier_is_a_file_and_a_row(checkout: Path) -> None:
    room = checkout / "sparse_rnn" / "sparsify"
    write(room / "_timid.py", SPARSIFIER)
    anchor = '    }\n)\n"""All methods by name that choose'
    insert(room / "__init__.py", anchor, '        "timid": timid,\n')
    row = "from sparse_rnn.sparsify._timid import timid\n"
    insert(room / "__init__.py", "METHODS: Mapping", row)
    printed = run(
        checkout,
        """
        import sparse_rnn as srnn

        net = srnn.Network(3, 2, srnn.masks.dense(10))
        srnn.sparsify.check_sparsifier(srnn.sparsify.METHODS["timid"], net, 0.2, power=2.0)
        found = srnn.sparsify.sparsify("timid", net, 0.2, power=2.0)
        print(list(srnn.sparsify.options("timid")), found.mask.nnz)
        """,
    )
    assert printed == "['power', 'seed'] 20"


CHANGING = '''
from dataclasses import dataclass
import numpy as np
from sparse_rnn.nn.rewiring import Rewiring, View
from sparse_rnn.sparsify._evolving import Evolving, at_random, exchange

@dataclass(frozen=True)
class Restless(Evolving):
    """Exchange a number of synapses."""

    number: int = 3

    def change(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        return exchange(view, self.number, at_random(view.mask.n_units), rng)
'''


def test_a_sparsifier_that_changes_synapses_is_a_file_and_a_row(checkout: Path) -> None:
    room = checkout / "sparse_rnn" / "sparsify"
    write(room / "_restless.py", CHANGING)
    anchor = '    }\n)\n"""All methods by name that change'
    insert(room / "__init__.py", anchor, '        "restless": Restless,\n')
    row = "from sparse_rnn.sparsify._restless import Restless\n"
    insert(room / "__init__.py", "CHANGING: Mapping", row)
    printed = run(
        checkout,
        """
        import sparse_rnn as srnn
        from sparse_rnn.cli import main

        net = srnn.Network(3, 2, srnn.masks.dense(10))
        srnn.sparsify.check_sparsifier(srnn.sparsify.CHANGING["restless"], net, 0.2)
        config = srnn.TrainConfig(
            suite="Go", arch="dense", size=10, steps=4, final_batches=1, eval_batches=1,
            sparsifier="restless", sparsifier_options={"density": 0.2, "every": 2, "number": 4},
        )
        print(srnn.train(config).network.rnn.mask)
        main(["info", "--arch", "dense", "--size", "4", "--sparsifiers"])
        """,
    )
    assert printed.startswith("<Mask restless(density=0.2, every=2, number=4): 10 units")
    assert "restless: density=None, every=100, number=3" in printed


def test_a_kernel_is_a_file_and_a_row(checkout: Path) -> None:
    kernels = checkout / "sparse_rnn" / "kernels"
    reference = (kernels / "reference.py").read_text(encoding="utf-8")
    assert '"reference"' in reference
    slow = reference.replace('"reference"', '"slow"')
    (kernels / "slow.py").write_text(slow, encoding="utf-8")
    insert(kernels / "__init__.py", "        )\n    }\n)", "            slow.KERNEL,\n")
    insert(kernels / "__init__.py", "KERNELS: Mapping", "from sparse_rnn.kernels import slow\n")
    printed = run(
        checkout,
        """
        import torch
        import sparse_rnn as srnn

        mask, x = srnn.masks.dense(4), torch.ones(3, 2, 5)
        made = [srnn.MaskedRNN(5, mask, backend=name) for name in ("slow", "reference")]
        made[1].load_state_dict(made[0].state_dict())
        print(torch.equal(made[0](x)[0], made[1](x)[0]))
        print(srnn.TrainConfig(arch="dense", size=4, backend="slow").backend)
        """,
    )
    assert printed.split() == ["True", "slow"]


def test_a_command_is_a_file_and_a_row(checkout: Path) -> None:
    cli = checkout / "sparse_rnn" / "cli"
    write(
        cli / "count.py",
        '''
        from sparse_rnn.errors import InvalidArgument
        from sparse_rnn.system.output import say

        def count(to: int) -> None:
            """Count up to a number."""
            if to < 1:
                raise InvalidArgument("--to", to, "at least 1")
            say(" ".join(map(str, range(1, to + 1))))
        ''',
    )
    insert(cli / "__init__.py", "    }\n)", '        "count": count.count,\n')
    insert(cli / "__init__.py", "COMMANDS: Mapping", "from sparse_rnn.cli import count\n")
    printed = run(
        checkout,
        """
        from sparse_rnn.cli import main

        print(main(["count", "--to", "3"]), main(["count", "--to", "0"]))
        try:
            main(["--help"])
        except SystemExit as end:
            print(end.code)
        """,
    )
    assert printed.startswith("1 2 3\n0 2\n")
    assert "Count up to a number." in printed


def test_an_experiment_is_a_file_and_a_row(checkout: Path) -> None:
    paper = checkout / "benchmarks" / "paper"
    again = (paper / "fig3i.py").read_text(encoding="utf-8").replace("fig3i", "again")
    (paper / "again.py").write_text(again, encoding="utf-8")
    insert(paper / "claims.py", "    }\n)", '        "again": Claim("Once more", "The same."),\n')
    printed = run(
        checkout,
        """
        from benchmarks.paper.__main__ import main

        assert main(["again", "--dry-run"]) == 0
        assert main(["again", "--finished", "--runs", "runs", "--results", "findings"]) == 0
        """,
    )
    assert "again" in printed
    assert "not run" in printed
    assert "Once more" in printed
