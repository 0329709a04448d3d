"""Steps of the training, its state, and its recipe."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from models.dino.recipe import NETWORKS, DinoRecipe, difference
from models.dino.run_folder import Checkpoint, RunFolder
from models.dino.training import DINO, DISTIL, Trainer
from models.files.artifact import ArtifactError
from tests.support.learning.synthetic_frames import synthetic

TINY = DinoRecipe(
    network="vit-nano8",
    size=16,
    local_size=8,
    local=2,
    answers=12,
    hidden=8,
    bottleneck=4,
    steps=4,
    batch=7,
    distil_batch=5,
    micro=3,
    curriculum=0.5,
)
FRAMES = synthetic(40, 24)


def targets() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(FRAMES), 112, 7, 7)).astype(np.float16)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    state = trainer.state()
    return {f"{part}.{name}": v.clone() for part in ("student", "teacher") for name, v in state[part].items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
@pytest.mark.parametrize("method", ["centring", "sinkhorn"])
def test_what_was_interrupted_goes_on_as_if_it_was_not(tmp_path, stop, method):
    """Weights, centre and random numbers are the same to the last bit, in both phases and between them."""
    recipe = dataclasses.replace(TINY, distil=2, method=method)
    whole = Trainer(recipe, FRAMES, targets())
    losses = [whole.advance().loss for _ in range(recipe.total)]
    first = Trainer(recipe, FRAMES, targets())
    begun = [first.advance().loss for _ in range(stop)]
    RunFolder(tmp_path).save(Checkpoint(recipe, first.state(), "frames"))
    second = Trainer(recipe, FRAMES, targets())
    second.restore(RunFolder(tmp_path).load().trainer)
    assert begun + [second.advance().loss for _ in range(recipe.total - stop)] == losses
    assert same(weights(whole), weights(second))
    assert torch.equal(whole.centre, second.centre)
    assert torch.equal(whole.generator.get_state(), second.generator.get_state())


@pytest.mark.parametrize("method", ["centring", "sinkhorn"])
def test_small_parts_give_the_gradient_of_the_whole_batch(method):
    """Accumulation is exact: answers are made of the whole batch, whatever goes through the network at a time."""
    recipe = dataclasses.replace(TINY, method=method, rate=1e-2, warmup=0.0)
    trainers = [Trainer(dataclasses.replace(recipe, micro=micro), FRAMES) for micro in (7, 2)]
    for _ in range(3):
        one, other = (trainer.advance() for trainer in trainers)
        assert one.loss == pytest.approx(other.loss, abs=1e-4)
        assert one.gradient == pytest.approx(other.gradient, rel=1e-3)
        assert torch.allclose(trainers[0].centre, trainers[1].centre, atol=1e-6)


def test_bfloat16_is_nearly_the_same():
    """Both phases; the head, weights, centre and losses stay in float32."""
    recipe = dataclasses.replace(TINY, distil=1)
    one, other = (Trainer(recipe, FRAMES, targets(), bf16=bf16) for bf16 in (False, True))
    for _ in range(recipe.total):
        assert one.advance().loss == pytest.approx(other.advance().loss, rel=0.1)
    assert {value.dtype for value in weights(other).values()} == {torch.float32}
    assert other.centre.dtype == torch.float32


def test_phases():
    """First it distils, and the teacher stands still; then the teacher begins as the student, and follows."""
    recipe = dataclasses.replace(TINY, distil=3, momentum=0.5)
    trainer = Trainer(recipe, FRAMES, targets())
    fresh = weights(trainer)
    steps = [trainer.advance() for _ in range(3)]
    assert [step.phase for step in steps] == [DISTIL] * 3
    assert steps[0].signs is None
    now = weights(trainer)
    assert not torch.equal(now["student.backbone.cls_token"], fresh["student.backbone.cls_token"])
    assert torch.equal(now["teacher.backbone.cls_token"], now["student.backbone.cls_token"])
    trainer.advance()
    done = trainer.advance()
    assert done.phase == DINO
    assert done.kl >= -1e-5
    later = weights(trainer)
    assert not torch.equal(later["teacher.backbone.cls_token"], now["teacher.backbone.cls_token"])


def test_distillation_learns():
    """The error falls well below that of always answering the mean, when features are simple."""
    recipe = dataclasses.replace(TINY, distil=60, steps=0, distil_batch=16, micro=16, distil_rate=5e-3)
    place = np.linspace(-1.5, 1.5, 7)[None, None, None, :]
    simple = np.broadcast_to(place * np.linspace(-1, 1, 112)[None, :, None, None], (40, 112, 7, 7))
    trainer = Trainer(recipe, FRAMES, simple.astype(np.float16))
    losses = [trainer.advance().loss for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


def test_the_last_layer_stays_frozen_at_the_beginning():
    """It moves only after its share of the steps."""
    trainer = Trainer(dataclasses.replace(TINY, frozen=0.5, warmup=0.0), FRAMES)
    before = trainer.student.head.last.detach().clone()
    trainer.advance(), trainer.advance()
    assert torch.equal(trainer.student.head.last, before)
    trainer.advance()
    assert not torch.equal(trainer.student.head.last, before)


def test_the_curriculum_shows_simple_scenes_first():
    """At first only frames with little variation; in the end all that are not held back."""
    recipe = dataclasses.replace(TINY, steps=100)
    assert [recipe.variation_at(step) for step in (0, 25, 50, 99)] == pytest.approx([0.25, 0.625, 1.0, 1.0])
    assert FRAMES.variation[FRAMES.pool(0.25)].max() <= 0.25
    assert set(FRAMES.pool(1.0)) == set(np.flatnonzero(~FRAMES.is_held))
    assert len(FRAMES.pool(-1.0)) == len(FRAMES.pool(1.0))
    assert DinoRecipe().variation_at(0) == 1.0


def test_a_loss_that_is_not_finite_ends_it():
    """With the step, and what to try."""
    trainer = Trainer(TINY, FRAMES)
    with torch.no_grad():
        trainer.student.head.last.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"the loss at step 0 is nan; try a smaller rate"):
        trainer.advance()


def test_targets_are_needed_for_distilling():
    """A recipe that distils cannot be begun without them."""
    with pytest.raises(ValueError, match="no targets"):
        Trainer(dataclasses.replace(TINY, distil=1), FRAMES)


@pytest.mark.parametrize("network", sorted(NETWORKS))
@pytest.mark.parametrize("stem", ["patch", "conv"])
def test_every_network_has_a_recipe(network, stem):
    """With both stems its sizes fit."""
    config = DinoRecipe(network=network, stem=stem).config
    assert (config.image, config.stem) == (224, stem)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "resnet"}, "network is 'resnet'; valid: vit-nano8, vit-micro16"),
        ({"method": "none"}, "valid: centring, sinkhorn"),
        ({"size": 100}, "size is 100; valid are multiples of 16 pixels"),
        ({"batch": 1}, "batch is 1; valid is 2 or more"),
        ({"micro": 0}, "micro is 0; valid is 1 or more"),
        ({"momentum": 1.1}, r"momentum is 1.1; valid is 0\.\.1"),
        ({"temperature": 0.0}, "temperature is 0.0; valid is a positive number"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"local_low": 0.5}, "0 < local_low <= local_high <= 1"),
        ({"steps": 0}, "distil and steps are 0"),
    ],
)
def test_bad_recipes(change, message):
    """The bad value and the valid ones are named."""
    with pytest.raises(ValueError, match=message):
        DinoRecipe(**change)


def test_recipes_differ_in_words():
    """Only in what differs."""
    assert difference(DinoRecipe(), DinoRecipe()) == ""
    assert difference(DinoRecipe(batch=64), DinoRecipe()) == "batch 64 instead of 256"


def test_bad_checkpoints(tmp_path):
    """Missing, cut off, foreign and incomplete ones are refused."""
    folder = RunFolder(tmp_path)
    with pytest.raises(ArtifactError, match="no training to go on with"):
        folder.load()
    folder.save(Checkpoint(TINY, Trainer(TINY, FRAMES).state(), "frames"))
    whole = folder.checkpoint.read_bytes()
    folder.checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match="cut off"):
        folder.load()
    torch.save({"weights": torch.zeros(3)}, folder.checkpoint)
    with pytest.raises(ArtifactError, match="not the checkpoint of a training"):
        folder.load()
    torch.save({"kind": "agentspace dino training 1", "recipe": {"colour": 3}}, folder.checkpoint)
    with pytest.raises(ArtifactError, match="not hold a whole training"):
        folder.load()


def test_the_log_is_shortened_to_the_checkpoint(tmp_path):
    """What came after it will be done again; a line that was cut off is left out; NaN is null."""
    folder = RunFolder(tmp_path)
    for step in (5, 10, 15):
        folder.write_log({"step": step, "probe": float("nan")})
    with folder.log.open("a") as file:
        file.write('{"step": 2')
    folder.shorten_log(10)
    assert folder.read_log() == [{"step": 5, "probe": None}, {"step": 10, "probe": None}]
