"""`extend`: a trained network for more rules or outputs, the rest of it bit for bit."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from sparse_rnn import seeding
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.nn import init as inits
from sparse_rnn.nn.network import Network
from sparse_rnn.system.arguments import instance, whole


def extend(
    network: Network, *, rules: int = 0, outputs: int = 0, seed: seeding.Seed = 0
) -> Network:
    """Give a network more rule inputs, or more outputs; the others stay as they are.

    The new inputs come after the old ones, where the channels of new rules are if a suite gets
    tasks at its end; so do the new outputs. Their weights are drawn as those of a new network, from
    ``U(-1/sqrt(N), 1/sqrt(N))``. Where the new inputs are 0, the old outputs are those of before,
    up to the rounding of a longer sum.

    Args:
        network: The network, which is left as it is.
        rules: Number of new inputs.
        outputs: Number of new outputs.
        seed: Where the new weights are drawn from.

    Returns:
        A copy with the same parameters otherwise, bit for bit, on the same device and in the same
        mode. To train the new rules alone, see the setting `new_rules`.

    Raises:
        InvalidArgument: A number is below 0, or both are 0.

    Example:
        >>> import torch
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn import extend
        >>> net = srnn.Network(34, 17, srnn.masks.autapse(9))
        >>> more = extend(net, rules=2)
        >>> more.rnn.weight_ih.shape, torch.equal(more.rnn.weight_ih[:, :34], net.rnn.weight_ih)
        (torch.Size([9, 36]), True)
    """
    instance("network", network, Network)
    whole("rules", rules, 0)
    whole("outputs", outputs, 0)
    if not rules + outputs:
        raise InvalidArgument("rules", rules, "at least 1, where outputs is 0")
    extended = copy.deepcopy(network)
    layer, readout = extended.rnn, extended.readout
    bound = 1 / math.sqrt(layer.hidden_size)

    def drawn(purpose: str, *shape: int) -> Tensor:
        values = inits.uniform(shape, bound, seeding.generator(seeding.derive(seed, purpose)))
        return values.to(layer.weight_ih)

    columns = drawn(seeding.Purpose.NEW_RULES, len(layer.weight_ih), rules)
    layer.weight_ih = _longer(layer.weight_ih, columns, 1)
    layer.input_size += rules
    rows = drawn(seeding.Purpose.NEW_OUTPUTS, outputs, layer.hidden_size)
    readout.weight = _longer(readout.weight, rows, 0)
    readout.bias = _longer(readout.bias, drawn(seeding.Purpose.NEW_OUTPUT_BIAS, outputs), 0)
    readout.out_features += outputs
    return extended


def _longer(parameter: Tensor, more: Tensor, axis: int) -> nn.Parameter:
    values = torch.cat([parameter.detach(), more], axis)
    return nn.Parameter(values, requires_grad=parameter.requires_grad)
