"""From the plan of trials to arrays: two renderers with the same bits, and the sensory noise."""
