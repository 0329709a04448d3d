"""Export of what was learned, as files that an extractor can use at once.

| file | what |
|---|---|
| `NAME.pth` | the weights in the layout of the public DINO checkpoints, read by `models.transformer.checkpoint` |
| `NAME.onnx`, `NAME.yaml` | the network with its preprocessing, for `network=onnx:NAME.onnx` |
| `NAME.json` | the recipe |
| `NAME.md` | the model card |
"""

import dataclasses
import io
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from models.dino.frames import Frames
from models.dino.run_folder import Checkpoint
from models.dino.training import Trainer
from models.files.artifact import checksum, write_atomically
from models.transformer.onnx import export as export_graph
from models.transformer.vision_transformer import CONFIGS, VisionTransformer

VIEWS: Final = {"class": "class_token", "mean": "mean", "patches": "patches"}
"""The features that the ONNX file gives, and the name of that output."""


def export(
    checkpoint: Checkpoint, path: Path, view: str = "class", log: list[dict[str, Any]] | None = None
) -> None:
    """Write the files.

    Args:
        checkpoint: Of the training.
        path: Of the files, without an ending.
        view: One of `VIEWS`.
        log: Rows of the log, for the card.

    Raises:
        ValueError: There is no such view.
    """
    if view not in VIEWS:
        raise ValueError(f"view is {view!r}; valid: {', '.join(VIEWS)}")
    network, recipe = network_of(checkpoint), checkpoint.recipe
    content = io.BytesIO()
    torch.save(network.state_dict(), content)
    write_atomically(path.with_suffix(".pth"), content.getvalue())
    export_graph(network, path.with_suffix(".onnx"), recipe.size, recipe.size)
    declaration = f"size: {recipe.size}\nlayout: NHWC\noutput: {VIEWS[view]}\nattention: attention\n"
    write_atomically(path.with_suffix(".yaml"), declaration.encode())
    listing = json.dumps(dataclasses.asdict(recipe), indent=1)
    write_atomically(path.with_suffix(".json"), listing.encode() + b"\n")
    write_atomically(path.with_suffix(".md"), card(checkpoint, path, log or []).encode())


def network_of(checkpoint: Checkpoint) -> VisionTransformer:
    """The network that was learned: the teacher, or, while it distils, the student."""
    recipe, state = checkpoint.recipe, checkpoint.trainer
    name = "student" if state["step"] < recipe.distil else "teacher"
    prefix = "backbone."
    weights = {k.removeprefix(prefix): v.cpu() for k, v in state[name].items() if k.startswith(prefix)}
    network = VisionTransformer(recipe.config)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def begun(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint of a training before its first step, when all weights were random; to compare with."""
    nothing = Frames(np.zeros((0, 1, 1, 3), dtype=np.uint8), np.zeros((0, 10)), np.zeros(0))
    fresh = Trainer(dataclasses.replace(checkpoint.recipe, distil=0, steps=1), nothing)
    return dataclasses.replace(checkpoint, trainer=fresh.state(), seconds=0.0)


def card(checkpoint: Checkpoint, path: Path, log: list[dict[str, Any]]) -> str:
    """The model card: what it is, how it was made, what it is worth, what it is not for."""
    recipe, config = checkpoint.recipe, checkpoint.recipe.config
    alarms = sorted({name for row in log for name in row.get("alarm", ())})
    named = next((name for name, each in CONFIGS.items() if each == config), None)
    use = f"`network={named} weights={path.name}.pth`, or " if named else ""
    return f"""\
# {path.name}: {recipe.network}, self-supervised

{config.depth} blocks of {config.width}, patch {config.patch}, stem {config.stem}, images of {recipe.size} pixels.
Use: {use}`network=onnx:{path.name}.onnx`.

Trained by `python -m models.dino`; recipe: {path.name}.json. First {recipe.distil} steps of distillation
({recipe.distil_batch} images each; from EfficientNet-Lite0 with ImageNet weights, Apache-2.0), then {recipe.steps}
of self-distillation ({recipe.batch} images). Done: {checkpoint.trainer["step"]}, in {checkpoint.seconds:.0f} s.
Learned from {checkpoint.frames}

{_worth(checkpoint, log)}
Collapse alarm: {", ".join(alarms) or "silent"}.

Limits: it knows what it was shown, and nothing else. A good probe on frames like those of the training says little
about other rooms and robots; measure it there.

SHA-256 of {path.name}.onnx: {checksum(path.with_suffix(".onnx"))}
"""


def _worth(checkpoint: Checkpoint, log: list[dict[str, Any]]) -> str:
    probes = [row for row in log if row.get("probe") is not None]
    if not probes:
        return "No posture probe: the frames have no postures."
    random, chance = checkpoint.lines
    return (
        "Posture probe (ridge regression from the class token, held-out frames), NMAE:\n"
        f"{probes[-1]['probe']:.2f} % at step {probes[-1]['step']}; "
        f"random weights {random:.2f} %, chance {chance:.2f} %."
    )
