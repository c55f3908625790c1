"""Trials by the batch: the sampler, its packing, banks of trials, neurogym's way of calling."""
