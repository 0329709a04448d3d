"""The Vision Transformer, compared with timm's and with plain NumPy, on the same random weights.

timm imports torchvision, which it does not need for this network: in its place stands
`tests/support/learning/torchvision_stub.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from models.transformer.vision_transformer import CONFIGS, DEVIATION, MEAN, Config, VisionTransformer, normalise
from tests.support.learning.torchvision_stub import without_torchvision

SMALL = Config(patch=16, width=96, heads=3, depth=3, image=64)


def random_network(config: Config, seed: int = 0) -> VisionTransformer:
    """Random weights everywhere, also where it is 0 or 1 at first; large ones, so that attention is not flat."""
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        network = VisionTransformer(config)
    network = network.to_empty(device="cpu").eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        norm = "norm" in name
        parameter.copy_((0.3 if norm else 0.08) * noise + (norm and name.endswith("weight")))
    return network


def images(config: Config, size: tuple[int, int] | None = None, count: int = 2) -> torch.Tensor:
    height, width = size or (config.image, config.image)
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(7))


def timm_network(ours: VisionTransformer, size: tuple[int, int] | None = None) -> Any:
    """timm's network with the same weights; with a size, its positions are resampled by timm for every image."""
    with without_torchvision():
        from timm.models.vision_transformer import VisionTransformer as Timm
    config = ours.config
    with torch.device("meta"):  # no time for random weights of its own
        theirs = Timm(
            img_size=config.image,
            patch_size=config.patch,
            embed_dim=config.width,
            depth=config.depth,
            num_heads=config.heads,
            num_classes=0,
            dynamic_img_size=size is not None,
        )
    theirs.load_state_dict(ours.state_dict(), assign=True)
    return theirs.eval().requires_grad_(False)


def timm_answer(theirs: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Its tokens (b, t, d), and the attention (b, heads, t, t) of its last block, caught on the way."""
    last = theirs.blocks[-1].attn
    last.fused_attn = False
    caught: list[torch.Tensor] = []
    hook = last.attn_drop.register_forward_hook(lambda module, given, made: caught.append(made))
    tokens = theirs.forward_features(x)
    hook.remove()
    return tokens, caught[0]


def compare(ours: VisionTransformer, theirs: Any, x: torch.Tensor) -> None:
    found = ours(x, attention="all")
    tokens, attention = timm_answer(theirs, x)
    b, h, w, d = found.patches.shape
    assert (h, w) == (x.shape[2] // ours.config.patch, x.shape[3] // ours.config.patch)
    assert tokens.abs().max() > 1
    assert attention.max() > 1.5 / (1 + h * w)  # it looks at something
    torch.testing.assert_close(found.class_token, tokens[:, 0], atol=1e-4, rtol=0)
    torch.testing.assert_close(found.patches.reshape(b, h * w, d), tokens[:, 1:], atol=1e-4, rtol=0)
    torch.testing.assert_close(found.mean, tokens[:, 1:].mean(dim=1), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.attention, attention, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.maps.flatten(2), attention[:, :, 0, 1:], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CONFIGS)
def test_is_timm(name: str) -> None:
    """Each named network, whole: class token, patches, their mean and the attention are timm's to 1e-4."""
    ours = random_network(CONFIGS[name])
    compare(ours, timm_network(ours), images(ours.config, count=1))


@pytest.mark.parametrize("size", [(96, 96), (64, 96), (48, 80), (128, 32), (16, 16)])
def test_is_timm_at_other_sizes(size: tuple[int, int]) -> None:
    """With positions resampled as timm does, it is timm at sizes that the positions were not learned for."""
    ours = random_network(replace(SMALL, resampling="antialias"))
    compare(ours, timm_network(ours, size), images(SMALL, size))


def bicubic(values: np.ndarray, out: int, factor: float) -> np.ndarray:
    """Resamples (n, ...) to (out, ...) along its first axis: Keys' kernel with a = -0.75, borders repeated."""

    def weight(distance: float) -> float:
        a, x = -0.75, abs(distance)
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    result = np.zeros((out, *values.shape[1:]))
    for i in range(out):
        centre = (i + 0.5) / factor - 0.5
        first = int(np.floor(centre))
        for j in range(first - 1, first + 3):
            result[i] += weight(centre - j) * values[min(max(j, 0), len(values) - 1)]
    return result


@pytest.mark.parametrize("size", [(96, 96), (64, 96), (48, 80), (128, 32)])
def test_positions_are_resampled_as_dino_does(size: tuple[int, int]) -> None:
    """The same positions as plain NumPy makes by DINO's rule (the factor is that of a size larger by 0.1), and the
    whole network with them is timm's."""
    ours = random_network(SMALL)
    h, w = size[0] // SMALL.patch, size[1] // SMALL.patch
    learned = ours.pos_embed[0, 1:].reshape(SMALL.grid, SMALL.grid, -1).double().numpy()
    rows = bicubic(learned, h, (h + 0.1) / SMALL.grid)
    both = bicubic(rows.swapaxes(0, 1), w, (w + 0.1) / SMALL.grid).swapaxes(0, 1)
    found = ours.positions(h, w)
    assert torch.equal(found[:, 0], ours.pos_embed[:, 0])
    np.testing.assert_allclose(found[0, 1:].numpy(), both.reshape(h * w, -1), atol=1e-5)

    theirs = timm_network(ours, size)
    expected = torch.cat([ours.pos_embed[:, :1], torch.from_numpy(both).float().reshape(1, h * w, -1)], dim=1)
    # private: timm offers no place for other positions
    theirs._pos_embed = lambda x: torch.cat([ours.cls_token.expand(len(x), -1, -1), x.flatten(1, 2)], 1) + expected
    compare(ours, theirs, images(SMALL, size))


def test_every_size_of_the_grid_is_met() -> None:
    """Rounding never loses a row: DINO's factor gives the size that is wanted, from 1x1 to 40x40 patches."""
    network = random_network(SMALL)
    for h, w in itertools.chain(((n, n) for n in range(1, 41)), ((1, 40), (40, 1), (13, 29))):
        assert network.positions(h, w).shape == (1, 1 + h * w, SMALL.width)


def test_attention_is_only_kept_if_asked_for() -> None:
    """Without it the answers are the same, and a map says what is missing; rows of the attention sum to 1.

    That of the class token alone is the first row of all.
    """
    network = random_network(SMALL)
    x = images(SMALL)
    plain, kept, first = (network(x, attention=kept) for kept in ("none", "all", "class"))
    assert plain.attention is None
    with pytest.raises(ValueError, match="attention='class'"):
        _ = plain.maps
    torch.testing.assert_close(plain.class_token, kept.class_token, atol=1e-5, rtol=0)
    torch.testing.assert_close(kept.attention.sum(dim=-1), torch.ones(2, 3, 17), atol=1e-5, rtol=0)
    assert first.attention.shape == (2, 3, 1, 17)
    torch.testing.assert_close(first.maps, kept.maps, atol=1e-6, rtol=0)


def test_fresh_weights_are_of_the_size_that_training_wants() -> None:
    """Deviation about 0.02, biases 0, norms 1; 21.7 million parameters in ViT-S, 5.5 in Tiny."""
    network = VisionTransformer(CONFIGS["vit-tiny16"]).requires_grad_(False)
    assert 0.015 < float(network.blocks[0].attn.qkv.weight.std()) < 0.02
    assert float(network.blocks[0].mlp.fc1.bias.abs().max()) == 0
    assert torch.equal(network.norm.weight, torch.ones(192))
    assert sum(p.numel() for p in network.parameters()) == 5_524_416
    with torch.device("meta"):
        small = VisionTransformer(CONFIGS["dino-vits8"])
    assert sum(p.numel() for p in small.parameters()) == 21_670_272


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 60, 64), (1, 3, 64, 8), (1, 3, 0, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """The message names the shape and the patch."""
    with pytest.raises(ValueError, match=r"valid is \(b, 3, H, W\), multiples of 16"):
        random_network(SMALL)(torch.zeros(shape))


def test_normalise() -> None:
    """Colours are taken relative to ImageNet's mean and deviation, channels come first."""
    image = np.random.default_rng(0).integers(0, 256, (1, 4, 5, 3), dtype=np.uint8)
    expected = (image / 255.0 - np.array(MEAN)) / np.array(DEVIATION)
    np.testing.assert_allclose(
        normalise(torch.from_numpy(image)).numpy()[0].transpose(1, 2, 0), expected[0], atol=1e-6
    )
