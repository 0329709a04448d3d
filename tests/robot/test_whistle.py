"""Whistles: what is one, what is none, from which files; and what the robot makes of them."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from agents.hearing.microphone import BACKLOG, Microphone, MicrophoneError, Recording
from agents.whistle import Whistle as WhistleAgent
from agentspace import LocalSpace
from models.sound.file import Sound, SoundError, read
from models.sound.whistle import LONG, SHORT, Ear, Whistle, hear
from tests.support.eventually import eventually
from tests.support.recording import recording

RATE = 44100
RANDOM = np.random.default_rng(0)


def whistle(
    seconds: float, hertz: float = 1500.0, loud: float = 0.3, rate: int = RATE, glide: float = 1.2
) -> np.ndarray:
    """As people do it: it swells, glides, trembles a little, and has a weak second harmonic and breath."""
    t = np.arange(round(seconds * rate)) / rate
    pitch = hertz * glide ** (t / seconds - 0.5) * (1 + 0.01 * np.sin(2 * np.pi * 6 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    shape = np.minimum(1, np.minimum(t, seconds - t) / 0.03)
    breath = RANDOM.normal(0, 0.03, len(t))
    return np.asarray(loud * shape * (np.sin(phase) + 0.05 * np.sin(2 * phase) + breath), np.float32)


def voice(seconds: float, hertz: float = 150.0, loud: float = 0.3, rate: int = RATE) -> np.ndarray:
    """A vowel that glides: harmonics under two formants."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.3 * np.sin(2 * np.pi * 2 * t))) / rate
    sound = np.zeros(len(t))
    for number in range(1, int(5000 / hertz)):
        f = number * hertz
        sound += (1 / (1 + ((f - 700) / 150) ** 2) + 0.6 / (1 + ((f - 1200) / 200) ** 2)) * np.sin(number * phase)
    return np.asarray(loud * sound / np.abs(sound).max(), np.float32)


def silence(seconds: float, noise: float = 0.001, rate: int = RATE) -> np.ndarray:
    return RANDOM.normal(0, noise, round(seconds * rate)).astype(np.float32)


def around(sound: np.ndarray, noise: float = 0.001, rate: int = RATE) -> np.ndarray:
    """With half a second of background before and after, and background beneath."""
    whole = np.concatenate([silence(0.5, noise, rate), sound, silence(0.5, noise, rate)])
    whole[round(0.5 * rate) : round(0.5 * rate) + len(sound)] += silence(len(sound) / rate, noise, rate)[
        : len(sound)
    ]
    return whole


def kinds(found: list[Whistle]) -> list[int]:
    return [each.kind for each in found]


# --- what is a whistle


@pytest.mark.parametrize("hertz", [600.0, 1000.0, 2000.0, 3500.0, 4500.0])
@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_whistles_of_all_pitches_are_heard(hertz: float, rate: int) -> None:
    """Short and long ones, with their time, length and pitch, at every usual rate."""
    sound = np.concatenate([around(whistle(s, hertz, rate=rate), rate=rate) for s in (0.25, 0.9)])
    short, long = hear(sound, rate)
    assert (short.kind, long.kind) == (SHORT, LONG)
    assert short.began == pytest.approx(0.5, abs=0.04)
    assert short.seconds == pytest.approx(0.25, abs=0.06)
    assert short.hertz == pytest.approx(hertz, rel=0.12)
    assert long.began == pytest.approx(1.75, abs=0.04)


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01, 0.05])
def test_whistles_are_heard_in_noise(noise: float) -> None:
    """Down to some 12 dB above the noise of the room; in perfect silence, too."""
    assert kinds(hear(around(whistle(0.3), noise), RATE)) == [SHORT]
    assert kinds(hear(around(whistle(1.2), noise), RATE)) == [LONG]


def test_whistles_are_heard_however_loud() -> None:
    """From very soft to clipped: a square wave is still a tone."""
    for loud in (0.02, 0.9):
        assert kinds(hear(around(whistle(0.3, loud=loud)), RATE)) == [SHORT]
    assert kinds(hear(np.clip(around(whistle(0.3, loud=30.0)), -1, 1), RATE)) == [SHORT]


def test_the_limit_between_short_and_long_can_be_set() -> None:
    """0.7 s is long by default, and short if it takes a second to be long."""
    sound = around(whistle(0.7))
    assert kinds(hear(sound, RATE)) == [LONG]
    assert kinds(hear(sound, RATE, long=1.0)) == [SHORT]


def test_a_breath_within_a_whistle_does_not_end_it() -> None:
    """A gap of 40 ms is bridged; one of 200 ms makes two."""
    assert kinds(hear(around(np.concatenate([whistle(0.4), silence(0.04), whistle(0.4)])), RATE)) == [LONG]
    assert kinds(hear(around(np.concatenate([whistle(0.3), silence(0.2), whistle(0.3)])), RATE)) == [SHORT, SHORT]


def test_a_long_whistle_is_told_at_once_and_only_once() -> None:
    """After half a second, not at its end; the stream may come in pieces of any size."""
    sound = around(whistle(3.0))
    ear, told = Ear(RATE), list[tuple[float, int]]()
    for start in range(0, len(sound), 700):
        told += [(start / RATE, each.kind) for each in ear.feed(sound[start : start + 700])]
    assert not ear.end()
    assert [kind for _, kind in told] == [LONG]
    assert told[0][0] == pytest.approx(1.0, abs=0.1)
    assert kinds(Ear(RATE).feed(sound)) == [LONG]


def test_a_whistle_that_the_recording_cuts_off_counts() -> None:
    """What was being whistled at the end of the stream ends there."""
    assert kinds(hear(np.concatenate([silence(0.5), whistle(0.3)])[: round(0.75 * RATE)], RATE)) == [SHORT]


@pytest.mark.parametrize("channel", [0, 1])
def test_one_channel_suffices(channel: int) -> None:
    """In stereo the loudest channel of each frame counts, also if the channels cancel out."""
    sound = np.zeros((len(around(whistle(0.3))), 2), np.float32)
    sound[:, channel] = around(whistle(0.3))[: len(sound)]
    assert kinds(hear(sound, RATE)) == [SHORT]
    mono = around(whistle(0.3))
    assert kinds(hear(np.stack([mono, -mono], axis=1), RATE)) == [SHORT]


# --- what is none


NO_WHISTLES = {
    "nothing": np.zeros(2 * RATE, np.float32),
    "hiss": silence(3.0, 0.2),
    "a low voice": voice(2.0, 110.0),
    "a high voice": voice(2.0, 240.0),
    "a child": voice(2.0, 400.0),
    "a hum": np.sin(2 * np.pi * 50 * np.arange(2 * RATE) / RATE).astype(np.float32),
    "a low tone": np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE).astype(np.float32),
    "a shrill tone": np.sin(2 * np.pi * 9000 * np.arange(2 * RATE) / RATE).astype(np.float32),
    "a click": np.eye(1, RATE, RATE // 2, dtype=np.float32)[0],
    "a constant": np.full(RATE, 0.7, np.float32),
    "a chord": sum(whistle(1.0, f, glide=1.0) / 3 for f in (700.0, 1100.0, 1900.0)),
    "a blip": whistle(0.08),
    "too soft": whistle(0.4, loud=0.002),
    "a sweep that nobody can whistle": np.sin(np.cumsum(np.linspace(0.01, 3.0, RATE // 20))).astype(np.float32),
}


@pytest.mark.parametrize("sound", NO_WHISTLES.values(), ids=NO_WHISTLES)
def test_everything_else_is_no_whistle(sound: np.ndarray) -> None:
    """Voices, noise, tones out of range, clicks, chords: nothing is heard."""
    assert hear(around(sound), RATE) == []


def test_a_voice_with_a_whistle_after_it() -> None:
    """Speech does not deafen it."""
    assert kinds(hear(around(np.concatenate([voice(1.0), silence(0.3), whistle(0.3)])), RATE)) == [SHORT]


def test_a_rate_that_is_too_low_is_an_error() -> None:
    """The message names it, and the least."""
    with pytest.raises(ValueError, match="1000 samples per second are too few: at least 4000"):
        Ear(1000)
    assert kinds(hear(around(whistle(0.3, rate=8000), rate=8000), 8000)) == [SHORT]


# --- files


def wav(samples: np.ndarray, rate: int, code: int, bits: int, extensible: bool = False) -> bytes:
    """The content of a WAV file; samples (n, channels), -1..1."""
    scaled = np.clip(samples, -1, 1 - 2.0 ** (1 - min(bits, 24)))
    if code == 3:
        data = samples.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        data = np.rint(scaled * 127 + 128).astype(np.uint8).tobytes()
    else:
        words = np.rint(scaled.astype(np.float64) * 2.0 ** (bits - 1)).astype("<i4").tobytes()
        data = np.frombuffer(words, np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    channels = samples.shape[1]
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * frame, frame, bits)
    if extensible:
        form += struct.pack("<HHIH", 22, bits, 0, code) + bytes.fromhex("000000001000800000aa00389b71")
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"LIST\x03\0\0\0abc\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("code", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
def test_all_kinds_of_wav_files_are_read(
    code: int, bits: int, channels: int, extensible: bool, tmp_path: Path
) -> None:
    """The samples are those that were written, to the precision of the file; a whistle in it is heard."""
    samples = np.repeat(around(whistle(0.3))[:, None], channels, axis=1)
    path = tmp_path / "a.wav"
    path.write_bytes(wav(samples, RATE, code, bits, extensible))
    sound = read(path)
    assert (sound.rate, sound.samples.shape) == (RATE, samples.shape)
    np.testing.assert_allclose(sound.samples, samples, atol=0.01 if bits == 8 else 1e-4)
    assert kinds(hear(sound.samples, sound.rate)) == [SHORT]


@pytest.mark.parametrize("ending", ["flac", "ogg"])
def test_other_files_are_heard_too(ending: str, tmp_path: Path) -> None:
    """A whistle in a compressed file."""
    soundfile.write(tmp_path / f"a.{ending}", around(whistle(0.3)), RATE)
    sound = read(tmp_path / f"a.{ending}")
    assert kinds(hear(sound.samples, sound.rate)) == [SHORT]


def test_a_file_that_was_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    """Half a sample at the end is left out."""
    (tmp_path / "a.wav").write_bytes(wav(np.zeros((100, 2)), 8000, 1, 16)[:-7])
    assert len(read(tmp_path / "a.wav").samples) == 98
    assert Sound(np.zeros((4000, 1), np.float32), 8000).seconds == 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "Format not recognised. Valid are WAV"),
        (b"hello, a text perhaps", "Format not recognised. Valid are WAV"),
        (b"RIFF\0\0\0\0WAVE", "No 'data' chunk marker"),
        (wav(np.zeros((4, 1)), 8000, 1, 16).replace(b"data", b"date"), "No 'data' chunk marker"),
        (wav(np.zeros((4, 1)), 0, 1, 16), "Valid are WAV"),
    ],
)
def test_what_is_no_sound_file_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    """The error names the file and what is wrong."""
    if content is not None:
        (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(SoundError, match=message) as caught:
        read(tmp_path / "a.wav")
    assert "a.wav" in str(caught.value)


# --- the agent


def test_a_file_is_heard_at_its_own_pace(space: LocalSpace, tmp_path: Path) -> None:
    """Each whistle becomes a number with a validity of a second; at the end of the file the agent ends well."""
    sound = np.concatenate(
        [around(whistle(0.2, rate=16000), rate=16000), around(whistle(0.7, rate=16000), rate=16000)]
    )
    (tmp_path / "a.wav").write_bytes(wav(sound[:, None], 16000, 1, 16))
    with recording(space, "whistle") as heard:
        space.run(WhistleAgent(file="a.wav"), project=tmp_path)
        eventually(lambda: space.read("_/roles/whistle", {}).get("state") == "stopped")
    assert [entry.value for entry in heard] == [SHORT, LONG]
    assert all(entry.time_left is not None and entry.time_left <= 1.0 for entry in heard)


def test_a_recording_gives_what_would_have_sounded() -> None:
    """Time is passed in; nothing is given twice, nothing left out, and it ends."""
    source = Recording(Sound(np.arange(100, dtype=np.float32)[:, None], 100))
    blocks = [block for now in (5.0, 5.1, 5.1, 5.75, 9.0) for block in source.take(now)]
    assert [len(block) for block in blocks] == [10, 65, 25]
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], np.arange(100))
    assert source.ended
    assert Recording(Sound(np.zeros((0, 1), np.float32), 100)).ended


def test_a_file_that_is_none_ends_the_agent_with_a_message(space: LocalSpace, tmp_path: Path) -> None:
    """The error names the file."""
    space.run(WhistleAgent(file="none.wav"), project=tmp_path)
    assert "none.wav cannot be read" in eventually(lambda: space.read("_/errors/whistle"))["traceback"]


class Card(SimpleNamespace):
    """A sound library with one microphone, as far as it is used."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__(streams=[], opened=[])

    def InputStream(self, device: Any, channels: int, callback: Any) -> Any:
        if device == "violin":
            raise self.PortAudioError("no such device")
        self.opened.append(device)
        stream = SimpleNamespace(
            samplerate=RATE, start=lambda: None, close=lambda: self.streams.remove(callback), channels=channels
        )
        self.streams.append(callback)
        return stream

    def query_devices(self) -> list[dict[str, Any]]:
        return [{"name": "speaker", "max_input_channels": 0}, {"name": "USB mic", "max_input_channels": 1}]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    card = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    return card


def test_a_microphone_is_heard(space: LocalSpace, card: Card) -> None:
    """What the sound library brings in its own thread is heard; the microphone is closed at the end."""
    runner = space.run(WhistleAgent(device="1"))
    eventually(lambda: card.streams)
    sound = around(whistle(0.3))
    for start in range(0, len(sound), 1024):
        card.streams[0](sound[start : start + 1024, None], 1024, None, None)
    eventually(lambda: space.read("whistle") == SHORT)
    runner.stop()
    eventually(lambda: not card.streams)
    assert card.opened == [1]


def test_a_microphone_does_not_fill_the_memory(card: Card) -> None:
    """While nobody takes the sound, the oldest is dropped, and that is counted."""
    microphone = Microphone("")
    for number in range(BACKLOG + 7):
        card.streams[0](np.full((4, 1), number, np.float32), 4, None, None)
    assert microphone.lost == 7
    blocks = microphone.take(0.0)
    assert (len(blocks), blocks[0][0, 0]) == (BACKLOG, 7.0)
    microphone.close()


def test_a_microphone_that_is_none_is_named(card: Card) -> None:
    """The error names it, and those that there are."""
    with pytest.raises(MicrophoneError, match=r"microphone violin: no such device; there are: 1 'USB mic'"):
        Microphone("violin")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, and that a file would do."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MicrophoneError, match=r"pip install 'agentspace\[audio\]'; or give a file"):
        Microphone("")
