"""Questions that nobody has put to networks on these tasks: ``python -m benchmarks.questions``.

Machinery, statistics and scales are those of `benchmarks.paper`; findings lie beside its findings.
"""
