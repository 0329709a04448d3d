"""Readers of files."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zmq

from agents.exam.steps import GRAMMAR
from agents.script import language
from agents.script.operation import Operation
from agentspace.core.values.shown import json_text
from agentspace.errors import LaunchError, RecordingError, SpaceUnreachableError, StoreError
from agentspace.launch.launchfile import load
from agentspace.recording import Recording
from agentspace.rights.authorized import Authorized, AuthorizedKeys
from agentspace.store.file import StoreFile
from agentspace.supervise.log_reader import LogTail
from agentspace.wire.address import client_key
from models.attention.memory import EmptyMemoryError, Memory
from models.extractors.onnx_file import Declaration
from models.files.artifact import ArtifactError
from models.postures.autoencoder import load_file
from models.sound.file import SoundError
from models.sound.file import read as read_sound
from tests.support.launch_files import describe

_OPERATOR = language.grammar(Operation())


def launch(path: Path) -> None:
    """A launch file: a frozen plan, or problems with their places."""
    load(path, {}, describe=describe, environment={"PORT": "/dev/x"})


def script(path: Path) -> None:
    """A script of an operator, and one of an examiner."""
    with contextlib.suppress(language.ScriptError):
        language.load(path, _OPERATOR)
    language.load(path, GRAMMAR)


def recording(path: Path) -> None:
    """A recording: what it holds is shown, and what is damaged is told."""
    found = Recording(path)
    found.slots()
    for change in found.changes():
        json_text(change.value)


def memory(path: Path) -> None:
    """What an associator remembers: it answers."""
    found = Memory.load(path)
    try:
        found.ask(np.zeros(found.keys.shape[1], np.float32))
    except EmptyMemoryError:
        assert not len(found)


def store(path: Path) -> None:
    """A store: what is whole in it can be shown, and what is damaged is told."""
    for end in ("-wal", "-shm", "-journal"):  # of one that was read before
        path.with_name(path.name + end).unlink(missing_ok=True)
    found = StoreFile(path, create=False)
    try:
        contents = found.read()
    finally:
        found.close()
    for saved in contents.spaces.values():
        waiting = itertools.chain.from_iterable(saved.queues.values())
        for each in (*saved.slots, *waiting):
            json_text(None if each.value is None else each.value.value())
        for role in saved.roles:
            json_text([role.info, role.held, role.letters, role.kept and role.kept.value.value()])
    "\n".join(contents.damage).encode()


def weights(path: Path) -> None:
    """The weights of an autoencoder: it decodes."""
    found = load_file(path)
    found.decode(np.zeros(found.latent))


def declaration(path: Path) -> None:
    """What lies beside an ONNX file."""
    Declaration.read(path)


def sound(path: Path) -> None:
    """A sound file."""
    assert np.isfinite(read_sound(path).samples).all()


def log(path: Path) -> None:
    """The log of a run."""
    tail = LogTail(path.parent)
    for line in (*tail.next(), *tail.rest()):
        line.to_dict()


def key(path: Path) -> None:
    """The keys of a client: ZeroMQ takes them."""
    found = client_key(path)
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.curve_serverkey = found.server.encode()
    socket.curve_publickey = found.public.encode()
    socket.curve_secretkey = found.secret.encode()
    socket.close()


def authorized(path: Path) -> None:
    """The keys that a server lets in, with their rights; a line that is none authorizes nobody."""
    found = AuthorizedKeys(path)
    assert found.look()
    for public, rights in found.known.items():
        assert Authorized.parse(str(Authorized(public, rights))).public == public
    "\n".join(found.flaws).encode()


READERS: dict[str, tuple[Callable[[Path], None], str, tuple[type[Exception], ...]]] = {
    "launch": (launch, "robot.yaml", (LaunchError,)),
    "script": (script, "script.yaml", (language.ScriptError,)),
    "recording": (recording, "run.mcap", (RecordingError,)),
    "memory": (memory, "memory.npz", (ArtifactError,)),
    "store": (store, "store.db", (StoreError,)),
    "weights": (weights, "weights.npz", (ArtifactError,)),
    "declaration": (declaration, "net.yaml", (ArtifactError,)),
    "sound": (sound, "whistle.wav", (SoundError,)),
    "key": (key, "space.key", (SpaceUnreachableError,)),
    "authorized": (authorized, "authorized_keys", ()),
    "log": (log, "launch.log", ()),
}
