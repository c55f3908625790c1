"""Turn the report of ``pip install --dry-run`` into requirements with hashes: see `make hashes`."""

from __future__ import annotations

import json
import sys


def lines(report: dict) -> list[str]:
    """A line for each package: the version, and the hash of the file that pip would install."""
    found = []
    for item in report["install"]:
        archive = item["download_info"].get("archive_info")
        if archive is None:  # this project itself, a folder
            continue
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        found.append(f"{name}=={version} --hash=sha256:{archive['hashes']['sha256']}")
    return sorted(found, key=str.lower)


if __name__ == "__main__":
    print("# For one kind of machine, written by `make hashes`; see docs/releasing.md.")
    print("\n".join(lines(json.load(sys.stdin))))
