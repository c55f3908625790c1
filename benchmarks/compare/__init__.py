"""Comparisons of networks beyond those of the paper.

``python -m benchmarks.compare`` runs the rivals: every way to choose the synapses of a network,
each with its own start and rates, against random synapses of equal in-degree. Machinery, statistics
and scales are those of `benchmarks.paper`; findings lie beside its findings. `initialisation` is a
script with a question of its own.
"""
