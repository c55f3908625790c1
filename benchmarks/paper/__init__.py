"""The figures and tables of Khona et al. 2023, each as one experiment with a verdict.

``python -m benchmarks.paper --scale laptop`` trains what is missing, measures, draws, and writes a
finding for each experiment. The experiments are the rows of `benchmarks.paper.table`; what the
paper reports is in `benchmarks.paper.claims` and enters no measurement.
"""
