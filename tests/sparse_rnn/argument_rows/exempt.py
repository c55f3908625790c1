"""Public callables whose arguments are not tried one by one, with the reasons."""

from __future__ import annotations

_RECORD = "a record of what a function found, which nobody makes by hand"
_HELD = "holds what it is given, for what it is given to"
_SEAM = "the seam between a layer and its kernels, on the way of every step: tests/sparse_rnn/nn"
_KERNEL = "the interface of a kernel, on the way of every step: tests/sparse_rnn/kernels"
_PROTOCOL = "says what an object of the caller must have"
_LOOP = "a part of a step, which `records` calls in turn: tests/sparse_rnn/training"
_ERROR = "an error"
_NOTHING = "takes nothing"
_SPARSIFIER = "what a method answers, asked by training: tests/sparse_rnn/sparsify/test_changing.py"

EXEMPT: dict[str, str] = {
    "sparse_rnn.SparseRnnError": _ERROR,
    "sparse_rnn.Interrupted": _ERROR,
    "sparse_rnn.masks.ConformanceError": _ERROR,
    "sparse_rnn.Run": _RECORD,
    "sparse_rnn.BoardProtocol": _RECORD,
    "sparse_rnn.ZooNetwork": _RECORD,
    "sparse_rnn.ZooNetwork.save": "where the files go: tests/sparse_rnn/training/test_zoo.py",
    "sparse_rnn.zoo": _NOTHING,
    "sparse_rnn.Fit": _RECORD,
    "sparse_rnn.Moment": "made for callbacks: tests/sparse_rnn/training/test_callbacks.py",
    **{
        f"sparse_rnn.analysis.{name}": _RECORD
        for name in (
            *("AblationEffect", "Circulant", "Clusters", "EndStates", "FixedPoints"),
            *("GraphComparison", "Histogram"),
            *(
                "InputOverlap",
                "AnalysisResult",
                "Caption",
                "Recording",
                "Ring",
                "TaskVariance",
                "TimeConstants",
            ),
            *("Trajectories", "VectorAddition", "WeightGroups"),
        )
    },
    "sparse_rnn.masks.GraphMeasures": _RECORD,
    "sparse_rnn.masks.Option": _RECORD,
    **{
        f"sparse_rnn.sweep.{name}": _RECORD
        for name in ("DamagedRun", "FailedRun", "Failure", "QuietRun", "Status", "Tally")
    },
    "sparse_rnn.sparsify.Sparsified": _RECORD,
    "sparse_rnn.sparsify.SparseMeasures": _RECORD,
    "sparse_rnn.sparsify.Needs": _HELD,
    "sparse_rnn.sparsify.Rewiring": _HELD,
    "sparse_rnn.sparsify.View": _HELD,
    "sparse_rnn.sparsify.View.with_keys": _SPARSIFIER,
    "sparse_rnn.sparsify.Sparsifier": _PROTOCOL,
    "sparse_rnn.sparsify.sparsifiers": _NOTHING,
    **{
        f"sparse_rnn.sparsify.{kind}.{name}": _SPARSIFIER
        for kind, names in (
            ("Sparsifier", ("check", "due", "needs", "restore", "rewire")),
            ("Evolving", ("change", "check", "due", "last", "needs", "restore", "rewire")),
        )
        for name in names
    },
    "sparse_rnn.sweep.silent": _NOTHING,
    "sparse_rnn.LeakyRNN.answers": _SEAM,
    "sparse_rnn.LeakyRNN.driven": _SEAM,
    "sparse_rnn.LeakyRNN.from_rest": _SEAM,
    "sparse_rnn.LeakyRNN.first_states": _SEAM,
    "sparse_rnn.LeakyRNN.side_by_side": _SEAM,
    "sparse_rnn.LeakyRNN.start": _SEAM,
    "sparse_rnn.LeakyRNN.set_extra_state": "tests/sparse_rnn/nn/test_states.py",
    "sparse_rnn.LeakyRNN.check_mask": "tests/sparse_rnn/training/test_sparsity.py",
    "sparse_rnn.LeakyRNN.fastest": "tests/sparse_rnn/kernels/test_timing.py",
    "sparse_rnn.LeakyRNN.use": "tests/sparse_rnn/kernels/test_timing.py",
    "sparse_rnn.LeakyRNN.rewire": "tests/sparse_rnn/nn/test_rewiring.py",
    "sparse_rnn.LeakyRNN.with_noise": _SEAM,
    "sparse_rnn.Batches": _PROTOCOL,
    "sparse_rnn.Batches.batches": _PROTOCOL,
    "sparse_rnn.Stream": _PROTOCOL,
    "sparse_rnn.Stream.score": _PROTOCOL,
    "sparse_rnn.Batch": _HELD,
    **{
        f"sparse_rnn.Trainer.{name}": _LOOP
        for name in (
            *("advance", "complete", "examine", "judge", "resume", "snapshot", "take", "upcoming"),
        )
    },
    "sparse_rnn.kernels.Pattern": _PROTOCOL,
    "sparse_rnn.kernels.Drive": _HELD,
    "sparse_rnn.kernels.Edges": _KERNEL,
    **{
        f"sparse_rnn.kernels.Edges.{name}": _KERNEL
        for name in ("of", "scatter", "scatter_blocks", "side_by_side")
    },
    "sparse_rnn.kernels.Kernel": _HELD,
    **{
        f"sparse_rnn.kernels.Kernel.{name}": _KERNEL
        for name in ("drive", "product", "refusal", "states")
    },
    "sparse_rnn.kernels.Nonlinearity": _HELD,
    "sparse_rnn.kernels.Product": "a type",
    "sparse_rnn.kernels.products": _KERNEL,
}
