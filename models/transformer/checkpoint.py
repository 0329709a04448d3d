"""Checkpoints of Vision Transformers: read without executing anything, whatever the layout, and checked.

Layouts (the names of the parameters):
    DINO: the files of github.com/facebookresearch/dino, and its training files (`teacher`).
    timm: the same names, perhaps with a classifier `head`.
    HuggingFace: `ViTModel`, with query, key and value apart; perhaps below `vit.`.

Files are PyTorch's (`torch.load` with weights_only=True, which refuses pickled code) or safetensors.
"""

import hashlib
import pickle
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from models.files.artifact import ArtifactError
from models.transformer.vision_transformer import CONFIGS, Config, VisionTransformer

State = dict[str, Tensor]

_WRAPPERS: Final = ("teacher", "state_dict", "model")
_PREFIXES: Final = ("module.", "backbone.", "vit.", "base_model.")
_UNUSED: Final = re.compile(r"(head|pooler|classifier|fc_norm)\.")  # what comes after the features
_HUGGINGFACE: Final = (
    ("embeddings.cls_token", "cls_token"),
    ("embeddings.position_embeddings", "pos_embed"),
    ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    ("encoder.layer.", "blocks."),
    ("attention.output.dense", "attn.proj"),
    ("attention.attention.query", "attn.q"),
    ("attention.attention.key", "attn.k"),
    ("attention.attention.value", "attn.v"),
    ("intermediate.dense", "mlp.fc1"),
    ("output.dense", "mlp.fc2"),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    ("layernorm", "norm"),
)
_CODE: Final = re.compile(r"global|reduce|instantiate|build|class", re.IGNORECASE)  # in torch's refusals of code
_REFUSAL: Final = re.compile(r"(?:WeightsUnpickler error:|\n\s*(?=Trying to load))(.*)", re.DOTALL)  # where it is
_PICKLES: Final = (b"\x80\x03", b"\x80\x04", b"\x80\x05")  # beginnings of pickles that PyTorch does not write
_SAFETENSORS: Final = b"{"  # the ninth byte: after the length of the header comes the header, JSON
_SHOWN: Final = 4  # names in a message


def read(path: Path) -> Any:
    """The content of a checkpoint: tensors by name, perhaps below other names. Nothing in it is executed.

    Raises:
        ArtifactError: The file is missing, cut off, not a checkpoint, or holds pickled code.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(9)
        _require_tensors(path, beginning)
        if beginning[8:] == _SAFETENSORS:
            return _read_safetensors(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}") from error
    except pickle.UnpicklingError as error:
        found = _REFUSAL.search(str(error))  # before it stands advice that nobody should follow
        reason = re.sub(r"\s+", " ", found[1] if found else "").strip()[:100]
        if _CODE.search(reason):
            raise ArtifactError(
                f"{path} holds pickled code, which is not executed ({reason}); valid are files of tensors only"
            ) from error
        raise ArtifactError(f"{path} is cut off, or not a checkpoint of PyTorch") from error
    except ArtifactError:
        raise
    except Exception as error:  # a damaged file can fail in zip, in pickle, in a tensor's size
        raise ArtifactError(f"{path} is cut off, or not a checkpoint of PyTorch ({str(error)[:120]})") from error


def _require_tensors(path: Path, beginning: bytes) -> None:
    """The format, as far as the first bytes tell."""
    if not beginning:
        raise ArtifactError(f"{path} is empty")
    if beginning.startswith(_PICKLES) and beginning[8:] != _SAFETENSORS:  # whose length may begin so
        raise ArtifactError(
            f"{path} is a pickle that PyTorch did not write: it may hold pickled code, which is not executed; "
            "valid are files of tensors only"
        )


def _read_safetensors(path: Path) -> State:
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except Exception as error:  # safetensors has an error of its own that is not public
        raise ArtifactError(f"{path} is cut off, or not a file of safetensors ({str(error)[:120]})") from error


def convert(content: Any) -> State:
    """The tensors by the names of `VisionTransformer`, from any of the layouts; heads are left out.

    Raises:
        ValueError: There are no tensors by name.
    """
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"it holds a {type(content).__name__}, not tensors by name")
    foreign = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if foreign:
        raise ValueError(f"it holds other things than tensors: {_some(map(str, foreign))}")
    state = {_bare(str(name)): value for name, value in content.items()}
    state = {name: value.detach().float() for name, value in state.items() if not _UNUSED.match(name)}
    if "embeddings.cls_token" in state:
        state = _join_qkv({_renamed(name): value for name, value in state.items()})
    return state


def load(path: Path, config: Config) -> VisionTransformer:
    """The network with the weights of a file, ready to be asked.

    Raises:
        ArtifactError: The file is missing, cut off, holds pickled code, or is of another architecture; the
            message names what is missing, unexpected, or of another shape.
    """
    content = read(path)
    try:
        state = convert(content)
    except ValueError as error:
        raise ArtifactError(f"{path} is not a checkpoint of a Vision Transformer: {error}") from error
    with torch.device("meta"):
        network = VisionTransformer(config)
    wrong = differences(state, network.state_dict())
    if wrong:
        fits = f"; it is one of {' or '.join(names)}" if (names := _fitting(state)) else ""
        raise ArtifactError(f"{path} is of another architecture than {config}: {wrong}{fits}")
    if not all(bool(value.isfinite().all()) for value in state.values()):
        raise ArtifactError(f"{path} holds weights that are not finite")
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)


def _fitting(state: State) -> list[str]:
    """The names of the networks whose weights these are."""
    with torch.device("meta"):
        known = {name: VisionTransformer(config).state_dict() for name, config in CONFIGS.items()}
    return [name for name, expected in known.items() if not differences(state, expected)]


def differences(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """In which names and shapes two sets of tensors differ, in words; "" if they do not."""
    sizes = [(name, tuple(found[name].shape), tuple(expected[name].shape)) for name in expected if name in found]
    parts = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "shapes": [f"{name} {size} instead of {wanted}" for name, size, wanted in sizes if size != wanted],
    }
    return "; ".join(f"{what}: {_some(names)}" for what, names in parts.items() if names)


def fingerprint(network: VisionTransformer) -> str:
    """Eight hexadecimal digits that tell weights apart; the same weights have the same in any layout."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _bare(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.split(".", 1)[1]
    return name


def _renamed(name: str) -> str:
    for theirs, ours in _HUGGINGFACE:
        name = name.replace(theirs, ours)
    return name


def _join_qkv(state: State) -> State:
    """Query, key and value, which HuggingFace has apart, as one."""
    found = {match[1] for name in state if (match := re.fullmatch(r"(blocks\.\d+\.attn)\.q\.weight", name))}
    for prefix in sorted(found):
        for kind in ("weight", "bias"):
            names = [name for part in "qkv" if (name := f"{prefix}.{part}.{kind}") in state]
            parts = [state.pop(name) for name in names]
            if len(parts) == 3 and len({part.shape for part in parts}) == 1:
                state[f"{prefix}.qkv.{kind}"] = torch.cat(parts)
    return state
