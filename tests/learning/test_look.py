"""Where extractors look: the maps of each, the square in the middle of a picture, and what the agent tells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from agents.extractor import Extractor
from agentspace import LocalSpace
from models.attention.memory import Memory
from models.extractors import registry
from models.extractors.crop import CENTRE, centre, window
from models.files.artifact import ArtifactError
from models.transformer.onnx import export
from models.transformer.vision_transformer import CONFIGS, Config, normalise
from tests.learning.test_extractor import picture
from tests.learning.transformer.test_vision_transformer import random_network
from tests.support.eventually import eventually

TINY = Config(patch=16, width=48, heads=3, depth=2)
WIDE = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8).repeat(10, axis=0).repeat(10, axis=1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Weights of a network that is as small as tests want."""
    folder = tmp_path_factory.mktemp("look")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setattr("models.transformer.vision_transformer.CONFIGS", {**CONFIGS, "dino-vits16": TINY})
        torch.save(random_network(TINY).state_dict(), folder / "weights.pth")
        yield folder / "weights.pth"


# --- maps


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_the_maps_of_dino_are_the_attention_of_its_class_token(backend: str, weights: Path) -> None:
    """One of each head, as the network computes them; the features are those without maps."""
    found = registry.load("dino-vits16", 1, weights, backend)
    look = found.look(picture())
    expected = random_network(TINY)(normalise(torch.from_numpy(picture()[None])), attention="all").maps[0]
    assert look.maps is not None
    assert look.maps.shape == (3, 14, 14)
    np.testing.assert_allclose(look.maps, expected, atol=1e-5)
    np.testing.assert_allclose(look.features, found.features(picture()), atol=1e-6)
    assert "attention" in found.gaze


def test_the_default_has_a_map_that_is_no_attention() -> None:
    """It says what it is, and the features stay what they were."""
    found = registry.load()
    assert "no attention" in found.gaze
    look = found.look(picture())
    np.testing.assert_array_equal(look.features, found.features(picture()))
    assert look.maps is not None
    assert look.maps.shape == (1, 7, 7)
    assert look.maps.min() >= 0


def test_the_default_looks_at_what_is_unlike_the_rest() -> None:
    """A colourful thing before an even wall, wherever it is."""
    random = np.random.default_rng(0)
    for row, column in ((1, 4), (4, 1), (4, 4)):
        image = np.full((224, 224, 3), 100, np.uint8)
        patch = random.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        image[32 * row : 32 * row + 64, 32 * column : 32 * column + 64] = patch
        maps = registry.load().look(image).maps
        assert maps is not None
        assert maps[0, row : row + 2, column : column + 2].mean() > 1.5 * np.median(maps)


def test_who_has_no_maps_says_so() -> None:
    """Histograms of gradients do not look anywhere."""
    hog = registry.load("hog")
    assert (hog.gaze, hog.look(picture()).maps) == ("", None)


def test_a_file_declares_where_it_looks(weights: Path, tmp_path: Path) -> None:
    """The name of an output; one that there is not is refused, and so is one that is no map."""
    export(random_network(TINY), tmp_path / "net.onnx")
    declaration = tmp_path / "net.yaml"
    declaration.write_text("{layout: NHWC, output: class_token, attention: attention}")
    found = registry.load("onnx:net.onnx", project=tmp_path)
    expected = registry.load("dino-vits16", 1, weights, "torch").look(picture()).maps
    np.testing.assert_allclose(found.look(picture()).maps, expected, atol=1e-4)  # type: ignore[arg-type]  # it has some
    declaration.write_text("{layout: NHWC, output: class_token}")
    assert registry.load("onnx:net.onnx", project=tmp_path).look(picture()).maps is None
    declaration.write_text("{layout: NHWC, output: class_token, attention: mean}")
    with pytest.raises(ValueError, match=r"shape \(1, 48\); valid is \(1, heads, h, w\)"):
        registry.load("onnx:net.onnx", project=tmp_path).look(picture())
    declaration.write_text("{layout: NHWC, output: class_token, attention: heads}")
    with pytest.raises(ArtifactError, match="attention 'heads'; valid: class_token, mean, patches, attention"):
        registry.load("onnx:net.onnx", project=tmp_path)


# --- the square in the middle


@pytest.mark.parametrize(
    "size", [(480, 640), (240, 320), (224, 224), (333, 257), (720, 1280), (481, 641), (5, 7), (1, 1)]
)
def test_the_middle_is_that_of_the_original_system(size: tuple[int, int]) -> None:
    """It cut pictures with `cv2.dnn.blobFromImage(crop=True)`: the same to the bit."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    blob = cv2.dnn.blobFromImage(image, 1.0, (224, 224), (0, 0, 0), swapRB=False, crop=True)
    np.testing.assert_array_equal(centre(image, 224), blob[0].transpose(1, 2, 0))


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (2, 30_000)])
def test_a_very_long_picture_is_cut_before_it_is_enlarged(size: tuple[int, int]) -> None:
    """It would not fit into memory."""
    assert centre(np.zeros((*size, 3), np.uint8), 224).shape == (224, 224, 3)


def test_of_a_wide_picture_other_features_come_by_cutting_than_by_stretching() -> None:
    """And they are said to be others; of a square one they are the same numbers."""
    stretched, cut = registry.load("hog"), registry.load("hog", crop=CENTRE)
    assert (stretched.identifier, cut.identifier) == ("hog/14x14/9", "hog/14x14/9/centre")
    assert np.abs(stretched.features(WIDE) - cut.features(WIDE)).max() > 0.1
    np.testing.assert_array_equal(stretched.features(picture()), cut.features(picture()))
    with pytest.raises(ValueError, match="crop is 'left'; valid: stretch, centre"):
        registry.load("hog", crop="left")


def test_maps_of_the_middle_say_which_part_they_cover() -> None:
    """In parts of the whole picture."""
    assert window(480, 640) == pytest.approx((0.125, 0.0, 0.75, 1.0))
    assert window(640, 480) == pytest.approx((0.0, 0.125, 1.0, 0.75))
    look = registry.load(crop=CENTRE).look(WIDE)
    assert look.window == pytest.approx((0.125, 0.0, 0.75, 1.0))


def test_a_memory_is_refused_by_the_other_crop(tmp_path: Path) -> None:
    """A memory says what it was made with."""
    stretched, cut = registry.load(), registry.load(crop=CENTRE)
    memory = Memory(stretched.identifier)
    memory.add(stretched.features(WIDE), [0.0, 1.0])
    memory.save(tmp_path / "pairs.npz")
    assert len(Memory.load(tmp_path / "pairs.npz", stretched.identifier)) == 1
    with pytest.raises(ArtifactError, match=r"block10/7x7'; the extractor makes '.*/7x7/centre'"):
        Memory.load(tmp_path / "pairs.npz", cut.identifier)


def test_arms_can_have_heads_of_their_own_with_either_crop() -> None:
    """Its features are a map as well."""
    memory = Memory(registry.load(crop=CENTRE).identifier, heads="arms")
    memory.add(np.ones(5488), np.zeros(10))
    assert len(memory.scales) == 2


# --- the agent


def looks(space: LocalSpace, slot: str) -> bool:
    """Shows a picture; whether there is something in the slot then."""
    space.write("camera", WIDE)
    return space.read(slot) is not None


def look_often(space: LocalSpace, times: int = 5) -> None:
    """Shows pictures until so many have been looked at."""
    for _ in range(times):
        space.delete("features")
        eventually(lambda: looks(space, "features"))


def test_nobody_is_told_where_it_looks_unless_somebody_wants_it() -> None:
    """By default there are features, and no maps; it is said what they would be."""
    with LocalSpace() as space:
        space.run(Extractor(), role="extractor")
        assert "no attention" in eventually(lambda: space.read("gaze/of"))
        look_often(space)
        assert space.read("gaze/maps") is None


def test_the_parameter_and_the_slot_ask_for_it(weights: Path) -> None:
    """Maps, points and a picture come while `gaze/wanted` is valid, or always with `gaze`."""
    with LocalSpace() as space:
        space.run(
            Extractor(network="dino-vits16", weights=str(weights), backend="torch", crop=CENTRE), role="extractor"
        )
        look_often(space, 1)
        space.write("gaze/wanted", 50, validity=60.0)
        eventually(lambda: looks(space, "gaze/maps"))
        maps = space.read("gaze/maps")
        assert (maps.shape, maps.dtype) == ((4, 14, 14), np.float32)
        points, view = space.read("gaze/points"), space.read("gaze/view")
        assert points.shape == (4, 2)
        assert ((points >= (0.125, 0.0)) & (points <= (0.875, 1.0))).all()
        assert view.shape == (240, 640, 3)
        space.delete("gaze/wanted")
        eventually(lambda: not looks(space, "gaze/maps"))
        space.configure("extractor", {"gaze": 20.0})
        eventually(lambda: looks(space, "gaze/maps"))


def test_a_wish_that_is_none_is_no_wish() -> None:
    """Whatever is in the slot, features come."""
    with LocalSpace() as space:
        space.run(Extractor(network="hog"), role="extractor")
        for wish in ("often", float("nan"), -3, None, [5]):
            space.write("gaze/wanted", wish)
            look_often(space, 1)
        space.write("gaze/wanted", 10.0)
        look_often(space)
        assert space.read("gaze/of").startswith("nothing: ")
        assert space.read("gaze/maps") is None
