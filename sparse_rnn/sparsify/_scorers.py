"""Scorers: what speaks for a synapse. Those with the largest scores stay.

Weights and gradients are float64 ``[gates, nnz]``, scores are float64 ``[nnz]``: gates share the
synapses, so that a synapse stays with the weights of all gates or goes with all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.errors import NotApplicable

Floats = NDArray[np.float64]


def chance(n_given: int, rng: np.random.Generator) -> Floats:
    """Nothing: every order of the synapses is equally likely."""
    return rng.random(n_given)


def magnitude(weight: Floats) -> Floats:
    """``|w|``, summed over the gates."""
    return np.abs(weight).sum(axis=0)


def saliency(weight: Floats, gradient: Floats) -> Floats:
    """``|w G|``: how much the loss changes at first order when the synapse goes.

    The derivative of the loss with respect to a factor of the synapse, at 1. A factor that gates
    share has the sum of their derivatives.
    """
    return np.abs((weight * gradient).sum(axis=0))


def flow_kept(weight: Floats, product: Floats) -> Floats:
    """``w (H g)``, summed over the gates: how much of the gradient's norm goes with the synapse."""
    return (weight * product).sum(axis=0)


def flow(matrix: Floats, radius: float, into: Floats, out: Floats, share: float) -> Floats:
    """``l_i B_ij r_j``: what runs through each synapse on the paths of all lengths.

    Args:
        matrix: ``|W|``, ``[N, N]``.
        radius: Its spectral radius.
        into: What enters each unit, ``[N]``.
        out: What leaves from each unit, ``[N]``.
        share: c below 1, in ``B = c |W| / radius``: how much of a flow a step passes on.

    Returns:
        ``[N, N]``.

    Raises:
        NotApplicable: There is no cycle, so that the radius is 0.
    """
    if radius == 0:
        raise NotApplicable(
            "The synapses that are left have no cycle, so that nothing flows through time. Keep "
            "more of them."
        )
    from scipy.linalg import lu_factor, lu_solve

    passed = matrix * (share / radius)
    factors = lu_factor(np.eye(len(matrix)) - passed)
    right, left = lu_solve(factors, into), lu_solve(factors, out, trans=1)
    return left[:, None] * passed * right


def noise_spread(matrix: Floats) -> Floats:
    """``|w| (C_ii + C_jj - 2 sign(w) C_ij)``, with C the covariance of the units under noise.

    C solves ``A C + C A^T = -I`` for ``A = W - s I``. The leak s is 1, and larger where the units
    would run away: 1.1 times the largest real part of an eigenvalue of W. The size of the noise is
    a factor of all scores.

    Args:
        matrix: W, ``[N, N]``.

    Returns:
        ``[N, N]``.
    """
    leak = max(1.0, 1.1 * float(np.linalg.eigvals(matrix).real.max()))
    spread = _covariance(matrix, leak)
    own = np.diag(spread)
    difference = own[:, None] + own - 2 * np.sign(matrix) * spread
    # A variance, which rounding may bring below 0.
    return np.abs(matrix) * np.maximum(difference, 0)


def _covariance(matrix: Floats, leak: float) -> Floats:
    """The C of ``(W - s I) C + C (W - s I)^T = -I``, with all eigenvalues of W - s I below 0.

    Smith (1968): by a Cayley transform with s, C is the sum of ``U^k V (U^k)^T``, whose number of
    terms doubles each time. Where there are thousands of units, such products of matrices are
    several times as fast as the substitutions of SciPy's solver.
    """
    identity = np.eye(len(matrix))
    inverse = np.linalg.inv(2 * leak * identity - matrix)
    power, spread = inverse @ matrix, 2 * leak * inverse @ inverse.T
    while np.abs(power).max() > np.finfo(np.float64).eps:
        spread = spread + power @ spread @ power.T
        power = power @ power
    return spread


def passed_on(matrix: Floats, slopes: Floats, alpha: float) -> Floats:
    """Gradient of ``|J 1|`` with respect to the matrix, the mean over sequences.

    J is the product of the Jacobians of some steps, each of a state by the one before,
    ``J_t = (1 - alpha) I + alpha D_t W``. The slopes D_t are held, which is exact for relu.

    Args:
        matrix: W, ``[N, N]``.
        slopes: Derivatives of the nonlinearity at each step, ``[steps, B, N]``.
        alpha: Share of the state that a step replaces.

    Returns:
        ``[N, N]``.
    """
    forth = [np.ones(slopes.shape[1:])]
    for slope in slopes:
        before = forth[-1]
        forth.append((1 - alpha) * before + alpha * slope * (before @ matrix.T))
    norm = np.linalg.norm(forth[-1], axis=1, keepdims=True)
    back = np.divide(forth[-1], norm, out=np.zeros_like(forth[-1]), where=norm != 0)
    total = np.zeros_like(matrix)
    for slope, before in zip(slopes[::-1], forth[-2::-1], strict=True):
        ends = alpha * slope * back
        total += ends.T @ before
        back = (1 - alpha) * back + ends @ matrix
    return total / slopes.shape[1]


def dispersed(weight: Floats, gradient: Floats, targets: NDArray[np.int64]) -> Floats:
    """``|w g|`` over the mean ``|g|`` of the synapses onto the same unit; 0 where that is 0.

    Args:
        weight: w, ``[nnz]``.
        gradient: g, ``[nnz]``.
        targets: int64 ``[nnz]``, the unit that each synapse ends on.
    """
    size = np.abs(gradient)
    mean = (np.bincount(targets, size) / np.maximum(np.bincount(targets), 1))[targets]
    return np.divide(np.abs(weight) * size, mean, out=np.zeros_like(size), where=mean != 0)
