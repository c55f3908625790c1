"""Population trajectories: the states of a recording in the few directions that hold most of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparse_rnn.analysis.recording import Recording
from sparse_rnn.errors import InvalidArgument
from sparse_rnn.system.arguments import whole


@dataclass(frozen=True, eq=False)
class Trajectories:
    """States in principal components.

    Attributes:
        points: float64 ``[time, trial, component]``; NaN on padding.
        components: float64 ``[component, N]``, orthonormal directions.
        mean: float64 ``[N]``, the mean state.
        explained: float64 ``[component]``, share of the variance of each component.
        dt: Time step in ms.
    """

    points: NDArray[np.float64]
    components: NDArray[np.float64]
    mean: NDArray[np.float64]
    explained: NDArray[np.float64]
    dt: float

    def project(self, states: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Other states ``[..., N]``, such as fixed points, in these components.

        Raises:
            InvalidArgument: They are of another number of units.
        """
        if np.shape(states)[-1:] != self.mean.shape:
            allowed = f"of shape [..., {len(self.mean)}]"
            raise InvalidArgument("states", np.shape(states), allowed)
        return (states - self.mean) @ self.components.T


def trajectories(recording: Recording, n_components: int = 3) -> Trajectories:
    """Project the states of all trials on their first principal components.

    Args:
        recording: The trials; each step inside one counts once.
        n_components: Number of components.

    Returns:
        The trajectories. The sign of each component makes its largest loading positive.

    Raises:
        InvalidArgument: `n_components` is below 1 or above the number of units.

    Example:
        >>> import sparse_rnn as srnn
        >>> from sparse_rnn.analysis import trajectories
        >>> from sparse_rnn.analysis import record
        >>> net = srnn.Network(35, 17, srnn.masks.autapse(10))
        >>> found = trajectories(record(net, ["Go", "Anti"], trials_per_task=8))
        >>> found.points.shape, found.components.shape
        ((15, 16, 3), (3, 10))
    """
    from sklearn.decomposition import PCA

    n_units = recording.hidden.shape[2]
    whole("n_components", n_components, 1, n_units)
    states = recording.hidden[recording.mask].astype(np.float64)
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(states)
    components = np.asarray(pca.components_, dtype=np.float64)
    largest = components[np.arange(n_components), np.abs(components).argmax(axis=1)]
    components = components * np.where(largest < 0, -1.0, 1.0)[:, np.newaxis]
    mean = np.asarray(pca.mean_, dtype=np.float64)
    points = (recording.hidden - mean) @ components.T
    points[~recording.mask] = np.nan
    explained = np.asarray(pca.explained_variance_ratio_, dtype=np.float64)
    return Trajectories(points, components, mean, explained, recording.dt)
