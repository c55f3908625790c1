"""Kernel `sparse_cpu`: the synapses that exist, in loops that numba compiles, for the CPU."""
