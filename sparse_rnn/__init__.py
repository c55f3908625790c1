"""Recurrent networks with fixed sparse connectivity, trained on the Mod-Cog tasks."""

from __future__ import annotations

import importlib.util

if _missing := [
    name
    for name in ("torch", "scipy", "networkx", "pydantic", "tyro", "rich", "safetensors")
    if importlib.util.find_spec(name) is None
]:
    raise ImportError(
        f"sparse_rnn needs {', '.join(_missing)}, of the extra 'rnn'. From a checkout of this "
        'repository, install it with: pip install ".[rnn]" (the name modcog on the public '
        "package index belongs to another project)."
    )

from sparse_rnn import (
    analysis as analysis,
    kernels as kernels,
    masks as masks,
    sparsify as sparsify,
)
from sparse_rnn.config.fit import FitConfig as FitConfig
from sparse_rnn.config.protocol import (
    BoardProtocol as BoardProtocol,
    board_protocol as board_protocol,
)
from sparse_rnn.config.run import RunOptions as RunOptions
from sparse_rnn.config.train import TrainConfig as TrainConfig
from sparse_rnn.data import Batch as Batch, Batches as Batches
from sparse_rnn.errors import Interrupted as Interrupted, SparseRnnError as SparseRnnError
from sparse_rnn.evaluation.streams import Stream as Stream
from sparse_rnn.evaluation.trials import score_trials as score_trials
from sparse_rnn.masks import Mask as Mask
from sparse_rnn.nn.cells import (
    LeakyRNN as LeakyRNN,
    MaskedGRU as MaskedGRU,
    MaskedLSTM as MaskedLSTM,
    MaskedRNN as MaskedRNN,
)
from sparse_rnn.nn.extension import extend as extend
from sparse_rnn.nn.network import Network as Network
from sparse_rnn.nn.torch_state import (
    from_torch_gru_state as from_torch_gru_state,
    from_torch_lstm_state as from_torch_lstm_state,
    from_torch_rnn_state as from_torch_rnn_state,
    to_torch_gru_state as to_torch_gru_state,
    to_torch_lstm_state as to_torch_lstm_state,
    to_torch_rnn_state as to_torch_rnn_state,
)
from sparse_rnn.runs.weights import load as load
from sparse_rnn.training.arrays import array_stream as array_stream
from sparse_rnn.training.board import board_entry as board_entry
from sparse_rnn.training.callbacks import Moment as Moment
from sparse_rnn.training.dataset import BatchDataset as BatchDataset
from sparse_rnn.training.ensembles import train_ensemble as train_ensemble
from sparse_rnn.training.entries import BoardEntry as BoardEntry
from sparse_rnn.training.environments import environment_stream as environment_stream
from sparse_rnn.training.evaluation import evaluate as evaluate
from sparse_rnn.training.loop import Trainer as Trainer
from sparse_rnn.training.lottery import lottery_ticket as lottery_ticket
from sparse_rnn.training.ridge import ridge_readout as ridge_readout
from sparse_rnn.training.run import (
    Fit as Fit,
    Run as Run,
    fit as fit,
    load_run as load_run,
    train as train,
)
from sparse_rnn.training.zoo import ZooNetwork as ZooNetwork, zoo as zoo
