"""From a configuration to a trained network: objective, optimiser, loop, and the run around it."""
