"""Scripts that run in environments of their own are no tests of this one."""

collect_ignore_glob = ["in_*.py"]
