"""Take the networks of BlazePose out of a wheel of mediapipe, and write them as ONNX.

    pip download --no-deps mediapipe==0.10.21
    python -m models.blazepose convert mediapipe-0.10.21-*.whl        # models/weights/blazepose/*.onnx

Both networks are checked by their SHA-256 before anything is made of them; the same wheel gives the same bytes.
"""

import hashlib
import sys
import zipfile
import zlib
from pathlib import Path

import click

from models.blazepose.convert import convert
from models.blazepose.networks import DETECTOR, FOLDER, LANDMARKS, Source
from models.blazepose.tflite import TFLite
from models.cli import PATH, group
from models.files.artifact import ArtifactError, record, write_atomically


@group("models.blazepose", __doc__, needs="'agentspace[train]'")
def main() -> None:
    """Make the networks of BlazePose."""


@main.command("convert")
@click.argument("wheel", type=PATH)
@click.option(
    "--folder", type=PATH, default=FOLDER, show_default=False, help="where to (models/weights/blazepose)"
)
def _convert(wheel: Path, folder: Path) -> None:
    """Convert the networks in WHEEL, that of mediapipe 0.10.21, to ONNX."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in (DETECTOR, LANDMARKS):
        path = folder / source.file
        write_atomically(path, converted(take(wheel, source), source))
        record(path)
        print(f"{path}: {path.stat().st_size} bytes")


def take(wheel: Path, source: Source) -> bytes:
    """A network out of a wheel.

    Raises:
        ArtifactError: It is no wheel, or another one; the message says which is meant.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(source.member)
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtifactError(
            f"{wheel} is not the wheel of mediapipe 0.10.21 ({error}); get it with: "
            "pip download --no-deps mediapipe==0.10.21"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise ArtifactError(f"{source.member} in {wheel} has SHA-256 {found}, expected is {source.sha256}")
    return content


def converted(content: bytes, source: Source) -> bytes:
    """A network as ONNX, made of what the wheel has."""
    network = TFLite.read(content, source.member)
    outputs = [(name, network.outputs[number]) for name, number in source.outputs.items()]
    return convert(network, outputs, source.low)


if __name__ == "__main__":
    sys.exit(main())
