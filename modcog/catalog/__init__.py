"""Which tasks there are: suites, names, settings by name, lengths, and what a task is in words."""
