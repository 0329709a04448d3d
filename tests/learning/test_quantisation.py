"""The network of bytes gives the features of the network of floats, nearly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from models.arrays import Features
from models.extractors import efficientnet, registry
from models.extractors.efficientnet import BYTES, EfficientNet
from models.files import processor
from models.files.artifact import ArtifactError
from models.files.onnx import open_session
from models.icub.simulator import Icub
from models.quantisation.__main__ import main
from models.quantisation.network import Quantiser
from models.quantisation.survey import survey
from tests.learning.test_extractor import picture

ALIKE = 0.006
"""1 - cosine of the features of one picture, by both networks; of two postures of the robot it is 0.1."""
NEEDS = pytest.mark.skipif(not processor.multiplies_bytes(), reason="this processor may overflow with bytes")


def apart(first: Features, second: Features) -> float:
    """1 - cosine."""
    return float(1.0 - first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.fixture(scope="module")
def floats() -> EfficientNet:
    return EfficientNet.load(backend="onnx")


@pytest.fixture(scope="module")
def of_bytes() -> EfficientNet:
    return EfficientNet.load(backend="onnx-int8")


@NEEDS
def test_features_are_alike(floats: EfficientNet, of_bytes: EfficientNet) -> None:
    """Of pictures of every size, grey, with alpha, even, random, read-only, and of the robot."""
    sizes = [(224, 224), (480, 640), (112, 96), (223, 225), (1, 1)]
    images = [picture(seed, size) for seed, size in enumerate(sizes)]
    images += [images[0][:, :, 0], np.dstack([images[0], images[0][:, :, :1]]), images[1][::-2, ::3]]
    images += [np.full((9, 9, 3), level, np.uint8) for level in (0, 127, 255)]
    images[0].flags.writeable = False
    with Icub(size=224) as robot:
        images.append(robot.render())
    for image in images:
        first, second = floats.features(image), of_bytes.features(image)
        assert (second.shape, second.dtype) == (first.shape, np.float32)
        assert apart(first, second) < ALIKE
        np.testing.assert_allclose(np.linalg.norm(second), np.linalg.norm(first), rtol=0.05)
        np.testing.assert_array_equal(second, of_bytes.features(image))
    assert of_bytes.identifier == floats.identifier


@NEEDS
def test_postures_differ_as_before(floats: EfficientNet, of_bytes: EfficientNet) -> None:
    """Each two of a batch of postures are as similar as they were; one memory can have features of both."""
    with Icub(size=224) as robot:
        images = []
        for lift in np.linspace(0.0, 90.0, 6):
            robot.reset([-30.0, 20.0 + lift, 0.0, 50.0, 0.0, -30.0, 20.0 + 0.5 * lift, 0.0, 50.0, 0.0])
            images.append(robot.render())
    keys, queries = ([network.features(image) for image in images] for network in (floats, of_bytes))
    for key in range(6):
        for query in range(6):
            assert abs(apart(keys[key], queries[query]) - apart(keys[key], keys[query])) < ALIKE
        assert min(range(6), key=lambda query: apart(keys[key], queries[query])) == key


@NEEDS
def test_threads_change_nothing(of_bytes: EfficientNet) -> None:
    """To the bit: how many compute is a matter of time only."""
    two = EfficientNet.load(threads=2, backend="onnx-int8")
    for seed in range(3):
        np.testing.assert_array_equal(two.features(picture(seed)), of_bytes.features(picture(seed)))


def test_which_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes where the processor is good for them, or if asked for; of the last block there are only floats."""
    for good, expected in ((True, "onnx-int8"), (False, "onnx")):
        monkeypatch.setattr(efficientnet, "multiplies_bytes", lambda good=good: good)
        chosen = {name: efficientnet.choose(name) for name in ("auto", "onnx", "onnx-int8")}
        assert chosen == {"auto": expected, "onnx": "onnx", "onnx-int8": "onnx-int8"}
        assert efficientnet.choose("auto", efficientnet.LAST) == "onnx"
    floats = EfficientNet.load().features(picture())
    np.testing.assert_array_equal(registry.load().features(picture()), floats)  # none that is good for bytes


def test_a_damaged_file_is_named_with_what_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of the floats."""
    monkeypatch.setattr(efficientnet, "BYTES", tmp_path / BYTES.name)
    with pytest.raises(ArtifactError, match=r"is missing; make it with: python -m models\.quantisation"):
        EfficientNet.load(backend="onnx-int8")


def test_the_command_makes_the_committed_file(tmp_path: Path) -> None:
    """Nearly: pictures are drawn a little differently on another machine."""
    path = tmp_path / "bytes.onnx"
    assert main(["--out", str(path)]) == 0
    made, committed = (onnx.load(each).graph for each in (path, BYTES))
    assert [node.op_type for node in made.node] == [node.op_type for node in committed.node]
    for first, second in zip(made.initializer, committed.initializer, strict=True):
        a, b = numpy_helper.to_array(first), numpy_helper.to_array(second)
        assert (first.name, a.dtype, a.shape) == (second.name, b.dtype, b.shape)
        if a.dtype == np.int8:
            assert np.abs(a.astype(int) - b).max() <= 10


def test_the_preprocessing_is_the_same_to_the_bit() -> None:
    """(x - 127) / 128 of each byte, by one operation, in the order that the first convolution wants."""
    network = onnx.load(BYTES)
    (name,) = (node.output[0] for node in network.graph.node if node.output[0] == "pixels.value")
    network.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    image = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    found = open_session(network.SerializeToString()).run([name], {"image": image})[0]
    expected = (image.astype(np.float32) - np.float32(127.0)) / np.float32(128.0)
    np.testing.assert_array_equal(found, expected.transpose(0, 3, 1, 2))


def test_what_a_layer_gets_is_what_its_filter_sees() -> None:
    """The sums of a survey are those that a convolution makes, borders and strides included."""
    network = onnx.load(efficientnet.FILE)
    image = picture()
    found = survey(network, [image])
    weights = {each.name: numpy_helper.to_array(each) for each in network.graph.initializer}
    convolutions = [node for node in network.graph.node if node.op_type == "Conv"]
    names = [node.output[0] for node in convolutions]
    network.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    session = open_session(network.SerializeToString())
    maps = dict(zip(names, session.run(names, {"image": image[None]}), strict=True))
    assert len(convolutions) == 33
    for node in convolutions[3:]:  # of larger maps not each place is looked at
        seen = found.inputs[node.output[0]]
        filters, added = weights[node.input[1]], weights[node.input[2]]
        flat = filters.reshape(len(filters), -1)
        mean = seen.total / seen.count
        expected = added + ((flat * mean).sum(axis=1) if seen.grouped else flat @ mean)
        made = maps[node.output[0]][0]
        if made[0].size == seen.count:
            np.testing.assert_allclose(made.mean(axis=(1, 2)), expected, atol=1e-3)


def test_only_networks_of_its_kind_are_taken() -> None:
    """A network without that preprocessing is no network of this kind."""
    network = onnx.load(efficientnet.FILE)
    learned = survey(network, [picture()])
    (node,) = (node for node in network.graph.node if node.op_type == "Transpose")
    network.graph.node.remove(node)
    with pytest.raises(ValueError, match="not enough values to unpack"):
        Quantiser(network, learned).made()
