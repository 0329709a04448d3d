"""Crops, colours, and the stem of small convolutions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.dino.crops import Augmentation, Crop, blur, change_colours, cut, rectangles, turn_hue
from models.dino.recipe import DinoRecipe
from models.transformer import stem
from models.transformer.backends import open_backend
from models.transformer.vision_transformer import Config, VisionTransformer

NOTHING = Augmentation(jitter=0.0, grey=0.0, blur=0.0, solarise=0.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 3, height: int = 40, width: int = 56) -> torch.Tensor:
    return torch.randint(0, 256, (n, height, width, 3), generator=generator(1), dtype=torch.uint8)


def test_shapes_of_the_crops():
    """Two global crops and as many local ones as the recipe says, of any picture; repeatable, finite."""
    recipe = DinoRecipe(size=32, local_size=16, local=3)
    crops = [crop.make(pictures(), generator()) for crop in recipe.crops]
    assert [tuple(crop.shape) for crop in crops] == [(3, 3, 32, 32)] * 2 + [(3, 3, 16, 16)] * 3
    assert all(bool(crop.isfinite().all()) for crop in crops)
    assert torch.equal(crops[0], recipe.crops[0].make(pictures(), generator()))


def test_one_network_takes_both_sizes_of_crops():
    """Positions are resampled for local crops, and a gradient reaches each of them from either size."""
    torch.manual_seed(0)
    network = VisionTransformer(Config(patch=8, width=12, heads=2, depth=1, image=32))
    for size in (32, 16):
        network.zero_grad()
        tokens = network(torch.randn(2, 3, size, size, generator=generator())).class_token
        tokens[:, 0].sum().backward()  # of all features the last normalisation would make a constant
        assert network.pos_embed.grad is not None
        assert float(network.pos_embed.grad.abs().amax(2).min()) > 1e-6


def test_rectangles_lie_inside():
    """And have the share of the area that was asked for, if they fit."""
    boxes = rectangles(500, (0.05, 0.4), generator())
    left, top, width, height = boxes.T
    assert float(boxes.min()) >= 0.0
    assert float(torch.maximum(left + width, top + height).max()) <= 1.0 + 1e-6
    area = width * height
    assert 0.05 - 1e-6 <= float(area.min()) < 0.1 < 0.35 < float(area.max()) <= 0.4 + 1e-6


def test_the_whole_rectangle_is_the_whole_picture():
    """Without a change of size nothing changes; a part is that part."""
    x = pictures(1, 32, 32).permute(0, 3, 1, 2).float() / 255
    assert torch.allclose(cut(x, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 32), x, atol=1e-5)
    part = cut(x, torch.tensor([[0.5, 0.25, 0.5, 0.5]]), 16)
    assert torch.allclose(part, x[:, :, 8:24, 16:32], atol=1e-5)


def test_large_pictures_are_averaged():
    """A fine chequerboard becomes grey, not black or white."""
    board = (torch.arange(256)[:, None] + torch.arange(256)) % 2
    x = board.float().expand(1, 3, -1, -1)
    small = cut(x, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 32)
    assert torch.allclose(small, torch.full_like(small, 0.5), atol=0.01)


def test_left_stays_left():
    """Nothing is flipped unless it is asked for: another side is another posture."""
    assert all(crop.augmentation.flip == 0.0 for crop in DinoRecipe().crops)
    x = pictures(4, 16, 16).permute(0, 3, 1, 2).float() / 255
    assert torch.equal(change_colours(x, NOTHING, generator()), x)
    flipped = change_colours(x, Augmentation(0.0, grey=0.0, blur=0.0, flip=1.0), generator())
    assert torch.equal(flipped, x.flip(3))


def test_each_change_of_colours():
    """Grey has equal channels, solarised is inverted above one half, all stay in 0..1, a blur keeps the mean."""
    x = pictures(6, 24, 24).permute(0, 3, 1, 2).float() / 255
    grey = change_colours(x, Augmentation(0.0, grey=1.0, blur=0.0), generator())
    assert torch.allclose(grey[:, 0], grey[:, 2])
    solar = change_colours(x, Augmentation(0.0, grey=0.0, blur=0.0, solarise=1.0), generator())
    assert torch.allclose(solar, torch.where(x >= 0.5, 1 - x, x))
    jittered = change_colours(x, Augmentation(1.0, grey=0.0, blur=0.0), generator())
    assert not torch.allclose(jittered, x)
    assert 0.0 <= float(jittered.min()) <= float(jittered.max()) <= 1.0
    flat = torch.full((2, 3, 9, 9), 0.3)
    assert torch.allclose(blur(flat, torch.tensor([0.1, 2.0])), flat, atol=1e-6)
    assert torch.allclose(blur(x, torch.full((6,), 0.05)), x, atol=1e-6)


def test_hue_turns_red_to_green_to_blue():
    """A third of the circle each; grey stays grey."""
    red = torch.tensor([1.0, 0.0, 0.0])[None, :, None, None]
    turned = [turn_hue(red, torch.tensor([turn]))[0, :, 0, 0] for turn in (1 / 3, 2 / 3, 1.0)]
    assert torch.allclose(torch.stack(turned), torch.eye(3)[[1, 2, 0]], atol=1e-6)
    grey = torch.full((1, 3, 1, 1), 0.4)
    assert torch.allclose(turn_hue(grey, torch.tensor([0.2])), grey, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Augmentation(blur=1.5), r"blur is 1.5; valid is 0\.\.1"),
        (lambda: Crop(0, (0.1, 1.0), NOTHING), "size 0"),
        (lambda: Crop(8, (0.5, 0.1), NOTHING), "0 < low <= high <= 1"),
        (lambda: stem.channels(192, 12), "valid is a patch of 2, 4, 8, 16"),
        (lambda: stem.channels(20, 16), "patch 16 and width 20"),
    ],
)
def test_errors(call, message):
    """Errors name the bad value and the valid ones."""
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("patch", [8, 16])
def test_the_stem_as_onnx(patch, tmp_path, monkeypatch):
    """A network with small convolutions gives the same by PyTorch and by onnxruntime."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torch.manual_seed(0)
    network = VisionTransformer(Config(patch=patch, width=48, heads=3, depth=2, image=48, stem="conv"))
    network.eval().requires_grad_(False)
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    ours, theirs = (open_backend(network, backend, 48)(image) for backend in ("torch", "onnx"))
    assert ours.patches.shape == (48 // patch, 48 // patch, 48)
    assert ours.patches == pytest.approx(theirs.patches, abs=1e-4)
    assert ours.class_token == pytest.approx(theirs.class_token, abs=1e-4)
