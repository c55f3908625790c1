"""Draw the figures of the page on analysis: ``python -m docs.tools.analysed``.

They are what ``sparse-rnn analyze`` makes of a network of the zoo, in a minute on one core.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

import sparse_rnn as srnn
from sparse_rnn import analysis

FIGURES = Path(__file__).resolve().parents[1] / "figures" / "analysis"
NETWORK = "local-cog20"
SHOWN = ("clusters", "weight_matrices", "trajectories", "fixed_points")
WIDTH_PX, COLORS = 1100, 64
"""Of a picture: more than a page shows, and as many colours as keep it near 100 kB."""


def main() -> None:
    """Write the figures."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        analysis.analyze(srnn.zoo()[NETWORK].load(), folder)
        for name in SHOWN:
            with Image.open(Path(folder, f"{name}.png")) as drawn:
                height = round(drawn.height * WIDTH_PX / drawn.width)
                small = drawn.convert("RGB").resize((WIDTH_PX, height), Image.Resampling.LANCZOS)
            small.quantize(COLORS, dither=Image.Dither.NONE).save(FIGURES / f"{name}.png")


if __name__ == "__main__":
    main()
