"""The command that trains, as a real process: to its end, interrupted, going on, collapsing, misused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from models.dino.__main__ import main
from models.dino.frames import Fact, write
from models.dino.recipe import DinoRecipe
from models.extractors import registry
from models.files.artifact import ArtifactError
from models.transformer.checkpoint import load
from models.transformer.vision_transformer import CONFIGS
from tests.support.learning.synthetic_frames import synthetic
from tests.support.paths import ROOT
from tests.support.program import Program

SIZES = "--network vit-nano8 --stem conv --size 16 --local-size 8 --local 1 --answers 12 --hidden 8 --bottleneck 4"
PACE = "--batch 6 --micro 4 --device cpu --threads 1 --check-every 2 --probe-every 4 --save-every 2"
OPTIONS = f"{SIZES} {PACE}".split()


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "frames"
    made = synthetic(60, 24)
    facts = [Fact(posture, v) for posture, v in zip(made.postures, made.variation, strict=True)]
    write(folder, 60, 24, zip(made.images, facts, strict=True), made.origin)
    return folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "models.dino", *map(str, arguments)]


def finish(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)


def refused(capsys, *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 1
    return capsys.readouterr().err


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.timeout(400)
def test_ctrl_c_and_going_on_give_the_network_of_an_undisturbed_training(tmp_path, frames):
    """Both phases; Ctrl-C ends with 130 and a checkpoint; what comes out is the same to the last bit."""
    options = [*OPTIONS, "--frames", frames, "--distil", 3, "--steps", 40]
    whole = finish("train", tmp_path / "whole", *options)
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.splitlines()[-1] == f"{tmp_path / 'whole'}/network.onnx"
    with Program(command("train", tmp_path / "parts", *options), folder=ROOT) as program:
        program.expect("step 4 saved", timeout=90)
        program.signal(signal.SIGINT)
        assert program.wait(60) == 130
    assert not (tmp_path / "parts" / "network.onnx").exists()
    again = finish("train", tmp_path / "parts", *OPTIONS, "--frames", frames, "--resume")
    assert again.returncode == 0, again.stderr
    assert "goes on at step" in again.stderr
    one, other = (torch.load(tmp_path / name / "network.pth", weights_only=True) for name in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    logs = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in rows(tmp_path / n)]
        for n in ("whole", "parts")
    ]
    assert logs[0] == logs[1]
    assert [row["step"] for row in logs[0]] == [*range(2, 43, 2), 43]
    _check_files(tmp_path / "whole")


def _check_files(run: Path) -> None:
    """All that a run leaves can be used: by the registry, the loader, and by people."""
    network = registry.load(f"onnx:{run}/network.onnx")
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert network.features(image).shape == (32,)
    recipe = DinoRecipe(**json.loads((run / "network.json").read_text()))
    assert load(run / "network.pth", recipe.config).config.stem == "conv"
    with pytest.raises(ArtifactError, match="of another architecture"):
        load(run / "network.pth", CONFIGS["vit-tiny16"])
    with Pillow.open(run / "curves.png") as picture:
        assert picture.size[0] > 500
    card = (run / "network.md").read_text()
    last = [row["probe"] for row in rows(run) if row["probe"] is not None][-1]
    assert f"NMAE:\n{last:.2f} % at step 43; random weights" in card
    for view, count in (("mean", 32), ("patches", 4 * 32)):
        assert main(["export", str(run), "--out", str(run / view), "--view", view]) == 0
        assert registry.load(f"onnx:{run / view}.onnx").features(image).size == count
    assert main(["export", str(run), "--out", str(run / "random"), "--random"]) == 0
    assert not np.allclose(registry.load(f"onnx:{run}/random.onnx").features(image), network.features(image))


@pytest.mark.timeout(400)
def test_a_collapse_is_told_and_ends_it(tmp_path, frames):
    """Without a centre, and sharp, the student learns that one answer is always right."""
    how = "--steps 200 --rate 0.5 --momentum 0.5 --centre-momentum 1.0"
    collapse = f"{how} --grace 10 --stop-on-collapse".split()
    ended = finish("train", tmp_path / "run", *OPTIONS, "--frames", frames, *collapse)
    assert ended.returncode == 1
    assert "COLLAPSE? step" in ended.stderr
    assert "stopped at step" in ended.stderr
    last = rows(tmp_path / "run")[-1]
    assert "one answer" in last["alarm"]
    assert last["step"] < 200
    assert (tmp_path / "run" / "curves.png").is_file()


@pytest.mark.timeout(400)
def test_official_layout_from_a_folder_of_images(tmp_path):
    """Any pictures, some broken; a network of the published kind is read by its name in the registry."""
    album = tmp_path / "album" / "deep"
    album.mkdir(parents=True)
    for number in range(12):
        Pillow.fromarray(synthetic(12).images[number]).save(album / f"{number}.png")
    (album / "broken.png").write_bytes(b"no")
    sizes = "--network vit-tiny16 --local 0 --answers 8 --hidden 8 --bottleneck 4"
    options = f"{sizes} --batch 2 --micro 1 --steps 1"
    run = tmp_path / "run"
    ended = finish("train", run, "--images", tmp_path / "album", "--device", "cpu", *options.split())
    assert ended.returncode == 0, ended.stderr
    assert f"skipped {album / 'broken.png'}" in ended.stderr
    assert "12 images, 1 skipped" in ended.stderr
    network = registry.load("vit-tiny16", weights=run / "network.pth", backend="torch")
    assert network.features(np.zeros((9, 9, 3), np.uint8)).shape == (192,)
    assert "No posture probe" in (run / "network.md").read_text()


def test_what_is_refused_before_anything_starts(tmp_path, frames, capsys):
    """One line that names the bad value and the valid ones; exit code 1."""
    run = tmp_path / "run"
    options = [*OPTIONS, "--frames", frames]
    assert "network is 'vgg'; valid: vit-nano8" in refused(capsys, "train", run, "--network", "vgg")
    assert "threads is -1; valid is 0 or more" in refused(capsys, "train", run, "--threads", "-1")
    assert "device is 'tpu'; valid: auto, cpu, cuda" in refused(capsys, "train", run, "--device", "tpu")
    assert "save-every is 0; valid is 1 or more" in refused(capsys, "train", run, *options, "--save-every", "0")
    assert "no training to go on with" in refused(capsys, "train", run, *options, "--resume")
    (tmp_path / "empty").mkdir()
    assert "valid are files that end with .bmp" in refused(capsys, "train", run, "--images", tmp_path / "empty")
    assert "missing" in refused(capsys, "export", tmp_path / "nowhere")


def test_another_recipe_or_other_frames_are_not_gone_on_with(tmp_path, frames, capsys):
    """A training goes on as it began, or not at all; and none is overwritten."""
    run, options = tmp_path / "run", [*OPTIONS, "--frames", frames, "--steps", "1"]
    assert main(["train", str(run), *map(str, options)]) == 0
    assert "has a training; go on with --resume" in refused(capsys, "train", run, *options)
    assert "batch 8 instead of 6" in refused(capsys, "train", run, *options, "--resume", "--batch", "8")
    assert "network vit-tiny16 instead of vit-nano8" in refused(
        capsys, "train", run, "--resume", "--network", "vit-tiny16", "--local-size", "16"
    )
    other = tmp_path / "other"
    write(other, 1, 24, [(synthetic(1, 24).images[0], Fact(np.zeros(10), 0.0))], "others")
    assert "was begun with 60 frames" in refused(capsys, "train", run, "--frames", other, "--resume")


def test_missing_frames_are_rendered_by_another_process(tmp_path, frames, monkeypatch, capsys):
    """Once, into the cache; a training that goes on finds them there. If nothing can be drawn, it says so."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = []

    def render(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(words)
        if len(calls) > 1:
            shutil.copytree(frames, words[-1])
        return subprocess.CompletedProcess(words, len(calls) == 1)

    monkeypatch.setattr(subprocess, "run", render)
    run, options = tmp_path / "run", [*OPTIONS, "--steps", "1"]
    assert "could not be rendered" in refused(capsys, "train", run, *options)
    assert main(["train", str(run), *options]) == 0
    assert main(["train", str(run), *OPTIONS, "--resume"]) == 0
    assert [words[1:] for words in calls] == [
        ["-m", "models.dino.render", str(tmp_path / "agentspace" / "frames")]
    ] * 2


def test_the_help_has_examples():
    """And every number of the recipe, with its default."""
    done = finish("train", "--help")
    assert done.returncode == 0
    assert "--teacher-temperature X" in done.stdout
    assert "python -m models.dino train runs/dino --resume" in finish("--help").stdout


def test_without_pytorch_the_message_says_what_to_install(capsys, monkeypatch):
    """Also for --help: the recipe's defaults come from modules that need it."""
    monkeypatch.setitem(sys.modules, "models.dino.recipe", None)
    assert "pip install 'agentspace[robot,train]'" in refused(capsys, "train", "--help")
