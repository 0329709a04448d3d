"""Training of autoencoders of postures: recipes, resume, curves, the command."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.files.artifact import WEIGHTS, ArtifactError
from models.icub.kinematics import JOINT_LIMITS
from models.measures import chance, nmae
from models.postures import __main__, autoencoder, curve, dataset
from models.postures.autoencoder import LATENTS, VARIANTS, load, load_file
from models.postures.curve import Row
from models.postures.recipe import Recipe, RecipeError, recipe_of
from tests.support.eventually import eventually
from tests.support.paths import ROOT

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def data():
    return dataset.load()


@pytest.fixture(scope="module")
def few(data):
    """A twentieth of the samples, for trainings of which only their course matters."""
    parts = {name: getattr(data, name)[::20] for name in ("right", "left", "is_test")}
    return replace(data, **parts)


@pytest.fixture(autouse=True)
def _torch():
    pytest.importorskip("torch")


def tiny(variant="wide", **changes):
    return replace(recipe_of(variant), epochs=3, polish=2, **changes)


def arrays(path):
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize("variant", VARIANTS)
def test_numpy_runs_what_torch_trained(variant, data):
    """The exported encoder and decoder compute what the torch networks compute (rescaled map included)."""
    import torch

    from models.postures.training import Training

    training = Training(replace(recipe_of(variant), epochs=2, polish=1), data)
    while training.done < training.total:
        training.epoch()
    model, pair = training.model(), training.pair
    plan = autoencoder.design(variant)
    scaled = torch.tensor((data.test[:50] - plan.center) / plan.scale, dtype=torch.float32)
    with torch.no_grad():
        expected = pair.decoder(pair.encoder(scaled)[:, :2]).numpy() * plan.scale + plan.center
    if plan.clips:
        expected = np.clip(expected, *JOINT_LIMITS.T)
    assert np.allclose(model.decode(model.guess(data.test[:50])), expected, atol=0.02)


def test_training_is_repeatable_and_learns(data):
    """The same seed gives the same weights, another one others; some epochs already beat chance."""
    from models.postures.training import train

    recipe = replace(recipe_of("wide"), epochs=8, polish=2)
    first, second = train(recipe, data).model(), train(recipe, data).model()
    other = train(replace(recipe, seed=1), data).model()
    probe = data.test[:100]
    assert np.array_equal(first.encode(probe), second.encode(probe))
    assert not np.allclose(first.encode(probe), other.encode(probe))
    assert nmae(first.decode(first.encode(data.test)), data.test) < 0.75 * chance(data.train, data.test)


@pytest.mark.parametrize("recipe", [tiny(), tiny("ancestor"), tiny(latent=4, error="absolute")])
@pytest.mark.parametrize("stop", [1, 3, 4])
def test_a_training_that_stopped_ends_as_if_it_had_not(recipe, stop, few, tmp_path):
    """Bit by bit, whether it stopped in the first phase, between both, or in the second."""
    from models.postures.training import Training, train

    whole = train(recipe, few)
    training = Training(recipe, few)
    for _ in range(stop):
        training.epoch()
    training.save(tmp_path / "checkpoint")
    resumed = train(recipe, few, checkpoint=tmp_path / "checkpoint")
    whole.model().save(tmp_path / "whole.npz")
    resumed.model().save(tmp_path / "resumed.npz")
    assert (tmp_path / "whole.npz").read_bytes() == (tmp_path / "resumed.npz").read_bytes()
    assert resumed.curve == whole.curve
    assert [row.phase for row in whole.curve] == ["fit"] * 3 + ["polish"] * 2


def interrupted(command, kind, checkpoint):
    """Starts a training, and sends a signal when the checkpoint is written anew; exit code and messages."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    process = subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: checkpoint.exists() and checkpoint.stat().st_mtime_ns > before, timeout=60)
        process.send_signal(kind)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    return process.returncode, told


def test_the_command_goes_on_where_it_was_interrupted(tmp_path):
    """After Ctrl-C and kill -9 there are no weights; the same command ends with what an uninterrupted one has."""
    recipe = tmp_path / "recipe.json"
    replace(recipe_of("ancestor", 3), batch=4000, epochs=150).write(recipe)
    out, checkpoint = tmp_path / "a.npz", tmp_path / ".a.npz.checkpoint"
    arguments = ["train", "--recipe", str(recipe), "--every", "0", "--out"]
    command = [sys.executable, "-m", "models.postures", *arguments, str(out)]
    code, told = interrupted(command, signal.SIGINT, checkpoint)
    assert (code, "interrupted" in told) == (130, True)
    assert (out.exists(), checkpoint.exists()) == (False, True)
    code, told = interrupted(command, signal.SIGKILL, checkpoint)
    assert (code, f"going on from {checkpoint}" in told) == (-signal.SIGKILL, True)
    assert (out.exists(), checkpoint.exists()) == (False, True)
    assert __main__.main([*arguments, str(out)]) == 0
    assert __main__.main([*arguments, str(tmp_path / "b.npz")]) == 0
    assert out.read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "a.curve.csv").read_text() == (tmp_path / "b.curve.csv").read_text()
    names = ["SHA256SUMS", "a.curve.csv", "a.curve.png", "a.npz"]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name[:2] not in ("b.", "re")) == names


def test_checkpoints_of_others_are_refused(few, tmp_path):
    """Of another recipe, of other data, damaged, foreign, with code: each is named, and nothing is executed."""
    import torch

    from models.postures.training import Training, train

    path = tmp_path / "checkpoint"
    training = Training(tiny(), few)
    training.epoch()
    training.save(path)
    with pytest.raises(ArtifactError, match=r"began with seed 0, now 1; divergence .*--fresh"):
        train(tiny(seed=1, divergence=0.7), few, checkpoint=path)
    with pytest.raises(ArtifactError, match="other data"):
        train(tiny(), replace(few, right=few.left), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ArtifactError, match=r"cut off, or not a checkpoint.*delete it"):
        train(tiny(), few, checkpoint=path)
    torch.save({"kind": "something else"}, path)
    with pytest.raises(ArtifactError, match="is not a checkpoint of a training"):
        train(tiny(), few, checkpoint=path)
    torch.save({"kind": "agentspace training 1", "code": Trap(tmp_path / "sprung")}, path)
    with pytest.raises(ArtifactError, match=r"holds pickled code, which is not executed.*delete it"):
        train(tiny(), few, checkpoint=path)
    assert not (tmp_path / "sprung").exists()


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_training_reaches_the_committed_nmae(data):
    """Training again as the model card says gives an autoencoder that is as good (ancestor: 5 s)."""
    from models.postures.training import train

    committed = load("ancestor")
    model = train(Recipe.from_json(committed.recipe), data).model()
    errors = [nmae(m.decode(m.encode(data.test)), data.test) for m in (model, committed)]
    assert errors[0] == pytest.approx(errors[1], abs=0.5)


def test_commands(tmp_path, capsys):
    """`recipe` prints what `train` takes; `train` writes weights and their curve; `show` prints the model card."""
    recipe, out = tmp_path / "mine.json", tmp_path / "tiny.npz"
    assert __main__.main(["recipe", "ancestor-3", "--out", str(recipe)]) == 0
    assert Recipe.from_json(capsys.readouterr().out) == Recipe.read(recipe)
    assert __main__.main(["train", "--recipe", str(recipe), "--epochs", "2", "--out", str(out)]) == 0
    model = load_file(out)
    assert model.name == "ancestor-3"
    assert Recipe.from_json(model.recipe) == replace(Recipe.read(recipe), epochs=2)
    assert (tmp_path / "tiny.curve.csv").read_text().splitlines()[0] == "epoch,phase,loss,nmae"
    capsys.readouterr()
    assert __main__.main(["show", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["weights"][0]["recipe"]["epochs"] == 2
    assert 5 < shown["weights"][0]["nmae"]["low"] < shown["chance"]
    assert __main__.main(["show"]) == 0
    table = [line for line in capsys.readouterr().out.splitlines() if line]
    assert set(table) <= set((WEIGHTS / "README.md").read_text().splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "deep"], "variant is 'deep'; valid variants are"),
        (["train", "wide-2", "--all"], "give one of NAME, --recipe FILE and --all"),
        (["train", "--all", "--out", "x.npz"], "--out and --curve are for one training"),
        (["train", "--epochs", "0"], "epochs is 0; valid is 1 or more"),
        (["train", "--recipe", "absent.json"], "absent.json: No such file"),
        (["train", "--data", "absent.npz"], "absent.npz cannot be read"),
        (
            ["show", "wide-2", "ancestor-2", "--map", "x.png"],
            "name one of the weights to draw: wide-2, ancestor-2",
        ),
        (["show", "wide-2", "--map", "x.png", "--side", "1"], "side is 1; valid is 2 or more"),
        (["show", "wide-77"], "there are no weights wide-77; there are: ancestor-2, ancestor-3"),
        (["show", "wide-2", "--card"], "--card is about all weights in models/weights; name none"),
        (["show", "wide-2", "--map", "nowhere/x.png"], "nowhere/x.png: there is no folder nowhere"),
        (["recipe", "wide-2", "--out", "nowhere/x.json"], "nowhere/x.json: there is no folder nowhere"),
        (["train", "--out", "nowhere/x.npz"], "nowhere/x.npz: there is no folder nowhere"),
        (["make-data", "--out", "nowhere/x.npz"], "nowhere/x.npz: there is no folder nowhere"),
    ],
)
def test_mistakes(arguments, message, capsys, tmp_path, monkeypatch):
    """Each is told in one line, with exit code 1, before anything is written."""
    monkeypatch.chdir(tmp_path)
    assert __main__.main(arguments) == 1
    told = capsys.readouterr().err
    assert told.startswith("models.postures: ")
    assert message in told
    assert not list(tmp_path.iterdir())


def test_recipes_are_files(tmp_path):
    """What was written is read again; what is not said has its default."""
    for variant in VARIANTS:
        for latent in LATENTS:
            recipe = recipe_of(variant, latent)
            recipe.write(tmp_path / "r.json")
            assert Recipe.read(tmp_path / "r.json") == recipe
    assert Recipe.from_json('{"variant": "wide", "rate": 1}') == Recipe("wide", rate=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not JSON"),
        ("[]", "a recipe is an object with variant and some of variant, latent, seed"),
        ('{"latent": 2}', "a recipe is an object with variant"),
        ('{"variant": "wide", "epoch": 3}', r"found \['epoch'\]"),
        ('{"variant": "deep"}', "variant is 'deep'"),
        ('{"variant": "wide", "latent": 0}', "latent is 0; valid is 1 or more"),
        ('{"variant": "wide", "latent": true}', "latent is True; valid is a value of type int"),
        ('{"variant": "wide", "rate": "high"}', "rate is 'high'; valid is a value of type float"),
        ('{"variant": "wide", "divergence": NaN}', "divergence is nan; valid is a finite number from 0"),
        ('{"variant": "wide", "rate": 0}', "rate is 0; valid is a number above 0"),
        ('{"variant": "wide", "error": "cubic"}', "error is 'cubic'; valid are 'squared', 'absolute'"),
    ],
)
def test_bad_recipes(text, message, tmp_path):
    """The message names the file, the field, its value, and what is valid."""
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(RecipeError, match=r"r\.json: .*" + message):
        Recipe.read(tmp_path / "r.json")


def test_a_curve_is_a_table_and_a_picture(tmp_path):
    """One line for each epoch, and a PNG."""
    rows = [Row(1, "fit", 2.0, 15.0), Row(2, "fit", 1.0, 12.5), Row(3, "polish", 1.5, 12.0)]
    curve.write(rows, tmp_path / "c", "c")
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines == ["epoch,phase,loss,nmae", "1,fit,2,15.0000", "2,fit,1,12.5000", "3,polish,1.5,12.0000"]
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
