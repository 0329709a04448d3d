"""Fetching weights: from a real server on this machine, with broken transfers and wrong hashes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.extractors import registry
from models.files.artifact import ArtifactError
from models.transformer.vision_transformer import CONFIGS, Config, VisionTransformer
from models.weights import catalogue
from models.weights.__main__ import main
from models.weights.pull import DownloadError, pull
from tests.support.learning.file_server import FileServer
from tests.support.paths import ROOT


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def checkpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bytes:
    """The file of a small network that stands for dino-vits8; with a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    small = Config(patch=8, width=48, heads=3, depth=2, image=32)
    monkeypatch.setattr("models.transformer.vision_transformer.CONFIGS", {**CONFIGS, "dino-vits8": small})
    buffer = io.BytesIO()
    torch.save(VisionTransformer(small).state_dict(), buffer)
    return buffer.getvalue()


def test_what_breaks_off_is_not_kept(server: FileServer, checkpoint: bytes) -> None:
    """The file is there when it is whole, and never before; the second attempt begins anew."""
    server.content, server.break_after = checkpoint, len(checkpoint) // 2
    with pytest.raises(DownloadError, match=f"{re.escape(server.url)}.*: .*{len(checkpoint) // 2} bytes read"):
        pull("dino-vits8", server.url)
    assert list(catalogue.folder().iterdir()) == []
    server.break_after = None
    path, _ = pull("dino-vits8", server.url)
    assert path.read_bytes() == checkpoint


def test_what_a_crash_left_is_not_taken(server: FileServer, checkpoint: bytes) -> None:
    """Whatever lies where a download goes first is thrown away."""
    server.content = checkpoint
    catalogue.folder().mkdir(parents=True)
    path = catalogue.entry("dino-vits8").path
    path.with_name(f"{path.name}.new").write_bytes(checkpoint[:1000])
    assert pull("dino-vits8", server.url)[0].read_bytes() == checkpoint


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_names_the_address_and_the_answer(status: int, server: FileServer, checkpoint: bytes) -> None:
    """Nothing is left behind."""
    server.status = status
    with pytest.raises(DownloadError, match=f"{re.escape(server.url)}.*: the server answered {status}"):
        pull("dino-vits8", server.url)
    assert list(catalogue.folder().iterdir()) == []


def test_nobody_there_and_silence(checkpoint: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port, and a server that accepts and says nothing: an error, the second after the patience."""
    monkeypatch.setattr("models.weights.pull.PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DownloadError, match="timed out"):
            pull("dino-vits8", f"http://127.0.0.1:{port}/")
    with pytest.raises(DownloadError, match="refused"):
        pull("dino-vits8", f"http://127.0.0.1:{port}/")
    with pytest.raises(DownloadError, match="'file:///etc/passwd'"):
        pull("dino-vits8", "file:///etc/passwd")


def test_pull_records_the_hash_and_verifies_it_afterwards(server: FileServer, checkpoint: bytes) -> None:
    """The first time it is recorded; then the same file is taken, another one is not."""
    server.content = checkpoint
    path, what = pull("dino-vits8", server.url)
    digest = hashlib.sha256(checkpoint).hexdigest()
    recorded = f"its SHA-256 was recorded, since no expected one is known: {digest}"
    assert what == f"fetched from {server.url}{path.name}; {recorded}"
    assert catalogue.entry("dino-vits8").recorded() == digest
    assert server.paths == ["/dino_deitsmall8_pretrain.pth"]
    assert pull("dino-vits8", server.url)[1] == "was there already; its SHA-256 is as expected"
    assert len(server.paths) == 1

    path.write_bytes(checkpoint + b"!")
    with pytest.raises(
        ArtifactError, match=f"expected is {digest}; delete .*, then run: python -m models.weights pull"
    ):
        pull("dino-vits8", server.url)
    path.unlink()
    server.content = checkpoint + b"!"
    with pytest.raises(
        ArtifactError, match=f"expected is {digest}; it came from {re.escape(server.url)}.* not kept"
    ):
        pull("dino-vits8", server.url)
    assert [each.name for each in path.parent.iterdir()] == ["SHA256SUMS"]
    server.content = checkpoint
    assert pull("dino-vits8", server.url + "any/name")[1].endswith("its SHA-256 is as expected")


def test_a_hash_that_is_known_from_elsewhere(server: FileServer, checkpoint: bytes) -> None:
    """What was asked for is what must come, already at the first time."""
    server.content = checkpoint
    with pytest.raises(ArtifactError, match="expected is 0000"):
        pull("dino-vits8", server.url, "0" * 64)
    assert catalogue.entry("dino-vits8").recorded() == ""
    pull("dino-vits8", server.url, hashlib.sha256(checkpoint).hexdigest().upper())


def test_what_is_no_such_network_is_not_kept(server: FileServer, checkpoint: bytes) -> None:
    """A page of a hotel's network, and a checkpoint of another architecture: refused, nothing recorded."""
    other = io.BytesIO()
    torch.save(VisionTransformer(replace(CONFIGS["vit-tiny16"], depth=1)).state_dict(), other)
    for content, message in (
        (b"<html>Please log in", "no checkpoint"),
        (other.getvalue(), "another architecture"),
    ):
        server.content = content
        with pytest.raises(ArtifactError, match=message):
            pull("dino-vits8", server.url)
    assert list(catalogue.folder().iterdir()) == []


def test_a_file_that_was_brought_by_hand(checkpoint: bytes) -> None:
    """Put where the message says, it is looked at and recorded without a network."""
    path = catalogue.entry("dino-vits8").path
    path.parent.mkdir(parents=True)
    path.write_bytes(checkpoint[:-100])
    with pytest.raises(ArtifactError, match="cut off"):
        pull("dino-vits8", "http://127.0.0.1:1/")
    path.write_bytes(checkpoint)
    assert "recorded" in pull("dino-vits8", "http://127.0.0.1:1/")[1]


def test_without_a_network(checkpoint: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to download, where to put it, and what then; the exit code is 1."""
    assert main(["pull", "dino-vits8", "--mirror", "http://127.0.0.1:1/"]) == 1
    told = capsys.readouterr().err
    entry = catalogue.entry("dino-vits8")
    assert "refused" in told
    for part in (entry.url, str(entry.path), entry.command, "--mirror"):
        assert part in told
    assert main(["pull", "dino-vits9"]) == 1
    assert "no weights are known as 'dino-vits9'; valid: dino-vits8, dino-vits16" in capsys.readouterr().err


def test_the_list(server: FileServer, checkpoint: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Source, licence, path, and the hash as soon as it is known; for people and for programs."""
    assert main(["list"]) == 0
    assert "Apache-2.0" in capsys.readouterr().out
    server.content = checkpoint
    assert main(["pull", "dino-vits8", "--mirror", server.url, "--progress"]) == 0
    assert "100%" in capsys.readouterr().err
    assert main(["list", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (
        first["url"] == "https://dl.fbaipublicfiles.com/dino/dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth"
    )
    assert (first["present"], first["sha256"]) == (True, hashlib.sha256(checkpoint).hexdigest())
    assert (second["name"], second["present"], second["sha256"]) == ("dino-vits16", False, None)


def test_it_is_a_command(tmp_path: Path) -> None:
    """`python -m models.weights --help` has examples."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "models.weights"]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, env=environment, check=True)
    assert "python -m models.weights pull dino-vits8" in done.stdout
    done = subprocess.run([*command, "list"], capture_output=True, text=True, env=environment, check=True)
    assert str(tmp_path / "agentspace" / "weights" / "dino_deitsmall8_pretrain.pth") in done.stdout


def test_an_extractor_fetches_its_weights_by_itself(
    server: FileServer, checkpoint: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; the SHA-256 is recorded, and a file that has changed since is refused and not fetched over."""
    monkeypatch.setenv("AGENTSPACE_MIRROR", server.url)
    server.content = checkpoint
    assert catalogue.entry("dino-vits8").url in registry.to_fetch("dino-vits8")
    first = registry.load("dino-vits8", 1, backend="torch")
    assert registry.to_fetch("dino-vits8") == ""
    assert registry.load("dino-vits8/mean", 1, backend="torch").count == first.count == 48
    assert len(server.paths) == 1
    path = catalogue.entry("dino-vits8").path
    assert catalogue.entry("dino-vits8").recorded() == hashlib.sha256(checkpoint).hexdigest()
    path.write_bytes(checkpoint[:-1])
    with pytest.raises(ArtifactError, match="is damaged"):
        registry.load("dino-vits8", 1, backend="torch")


def test_a_file_is_taken_where_there_is_no_network(
    checkpoint: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, or at the place that the error names; nothing is asked of the network then."""
    monkeypatch.setenv("AGENTSPACE_MIRROR", "http://127.0.0.1:9/")
    with pytest.raises(ArtifactError, match="cannot be fetched") as told:
        registry.load("dino-vits8", 1, backend="torch")
    assert "\n" not in str(told.value)  # `agentspace doctor` shows the last line of an error
    (tmp_path / "mine.pth").write_bytes(checkpoint)
    named = registry.load("dino-vits8", 1, tmp_path / "mine.pth", "torch")
    assert registry.to_fetch("dino-vits8", tmp_path / "mine.pth") == ""
    place = Path(str(told.value).rpartition("put it at ")[2])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(checkpoint)
    assert registry.load("dino-vits8", 1, backend="torch").identifier == named.identifier


def test_nothing_is_fetched_for_those_that_need_nothing() -> None:
    """The default comes with agentspace; of Tiny there are no public weights."""
    assert [registry.to_fetch(name) for name in ("efficientnet-lite0", "hog", "vit-tiny16")] == ["", "", ""]
