"""Fetching weights: from a real server on this machine, with broken transfers, other versions and wrong hashes."""

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

from models.files.artifact import ArtifactError
from models.files.download import DownloadError, download
from models.transformer.vision_transformer import CONFIGS, Config, VisionTransformer
from models.weights import catalogue
from models.weights.__main__ import main
from models.weights.pull import pull
from tests.support.file_server import FileServer
from tests.support.paths import ROOT

CONTENT = bytes(range(256)) * 5000


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer(CONTENT)
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


def test_a_file_arrives_whole(server: FileServer, tmp_path: Path) -> None:
    """With progress from 0 to the end, in a folder that is made; nothing else is left."""
    seen: list[tuple[int, int | None]] = []
    download(server.url, tmp_path / "deep" / "file", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "deep" / "file").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_broken_transfer_goes_on_where_it_broke(server: FileServer, tmp_path: Path) -> None:
    """The file is not there before it is whole; each attempt asks for the rest only."""
    server.break_after = 400_000
    for attempt in (1, 2, 3):
        with pytest.raises(DownloadError, match=f"{400_000 * attempt} bytes are kept, the same command goes on"):
            download(server.url, tmp_path / "file")
        assert not (tmp_path / "file").exists()
    server.break_after = None
    seen: list[int] = []
    download(server.url, tmp_path / "file", lambda done, total: seen.append(done))
    assert seen[0] == 1_200_000
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [each.get("range") for each in server.requests] == [
        None,
        "bytes=400000-",
        "bytes=800000-",
        "bytes=1200000-",
    ]


@pytest.mark.parametrize("change", ["another version", "no ranges", "another address", "no tag", "shorter"])
def test_a_rest_is_only_added_to_its_own_beginning(change: str, server: FileServer, tmp_path: Path) -> None:
    """If it cannot be sure that it is the same file, it begins anew: never two halves of different files."""
    server.break_after = 400_000
    server.tag = "" if change == "no tag" else server.tag
    with pytest.raises(DownloadError):
        download(server.url, tmp_path / "file")
    server.break_after = None
    url = server.url + ("other" if change == "another address" else "")
    server.ranges = change != "no ranges"
    if change in ("another version", "another address"):
        server.content, server.tag = CONTENT[::-1], '"two"'
    if change == "shorter":
        server.content = CONTENT[:1000]
    download(url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == server.content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_damaged_note_costs_a_beginning_only(server: FileServer, tmp_path: Path) -> None:
    """A beginning of which nothing is known is fetched anew."""
    server.break_after = 400_000
    with pytest.raises(DownloadError):
        download(server.url, tmp_path / "file")
    (tmp_path / "file.part.json").write_text("{")
    server.break_after = None
    download(server.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_names_the_address_and_the_answer(status: int, server: FileServer, tmp_path: Path) -> None:
    """Nothing is left behind."""
    server.status = status
    with pytest.raises(DownloadError, match=f"{re.escape(server.url)}: the server answered {status}"):
        download(server.url, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_and_silence(tmp_path: Path) -> None:
    """A closed port, and a server that accepts and says nothing: an error, the second after the patience."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DownloadError, match="timed out"):
            download(f"http://127.0.0.1:{port}/", tmp_path / "file", patience=0.2)
    with pytest.raises(DownloadError, match="refused"):
        download(f"http://127.0.0.1:{port}/", tmp_path / "file")
    with pytest.raises(DownloadError, match="valid begin with http"):
        download("file:///etc/passwd", tmp_path / "file")


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
    assert len(server.requests) == 1

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
