"""The curve of a training: one row for each epoch, as CSV and as a picture."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from models.files.artifact import write_atomically


class Row(NamedTuple):
    """One epoch.

    Attributes:
        epoch: Counted from 1.
        phase: "fit", or "polish" of the encoder.
        loss: Mean over the steps.
        nmae: Of reconstruction in per cent, of some training postures, by the encoder alone.
    """

    epoch: int
    phase: str
    loss: float
    nmae: float


def write(rows: Sequence[Row], path: Path, title: str = "") -> None:
    """Write the curve as path.csv and path.png.

    Args:
        rows: Of the epochs.
        path: Without an ending.
        title: Of the picture.

    Raises:
        OSError: The folder does not exist, or cannot be written.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows((row.epoch, row.phase, f"{row.loss:.6g}", f"{row.nmae:.4f}") for row in rows)
    write_atomically(path.with_name(f"{path.name}.csv"), table.getvalue().encode())
    write_atomically(path.with_name(f"{path.name}.png"), _drawn(rows, title))


def _drawn(rows: Sequence[Row], title: str) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    loss, nmae = figure.subplots(1, 2)
    figure.suptitle(title)
    for phase in dict.fromkeys(row.phase for row in rows):
        part = [row for row in rows if row.phase == phase]
        epochs = [row.epoch for row in part]
        loss.plot(epochs, [row.loss for row in part], label=phase)
        nmae.plot(epochs, [row.nmae for row in part], label=phase)
    loss.set(xlabel="epoch", ylabel="loss")
    nmae.set(xlabel="epoch", ylabel="NMAE, training postures (%)")
    nmae.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110, metadata={"Software": None})
    return image.getvalue()
