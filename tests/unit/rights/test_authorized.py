"""The file of authorized keys: read again when it changed; what is wrong with it authorizes nobody."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import zmq

from agentspace.errors import RightsError
from agentspace.rights.authorized import Authorized, AuthorizedKeys
from agentspace.rights.right import Right, Rights, Verb

ANNA = Authorized("A" * 40, Rights("anna", (Right(Verb.READ, "camera/*"), Right(Verb.ACT, "eye"))))
BOB = Authorized("B" * 40, Rights("bob", (Right(Verb.STOP),)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the keys are."""
    (tmp_path / "keys").mkdir(mode=0o700)
    return tmp_path / "keys" / "authorized_keys"


def known(file: Path, owner: str = "") -> dict[str, Rights]:
    """What a server reads there."""
    keys = AuthorizedKeys(file, owner)
    keys.look()
    return dict(keys.known)


def test_what_was_authorized_is_known_until_it_is_revoked(file):
    """With its rights; nobody else reads the file."""
    AuthorizedKeys(file).authorize(ANNA)
    AuthorizedKeys(file).authorize(BOB)
    assert known(file) == {ANNA.public: ANNA.rights, BOB.public: BOB.rights}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert AuthorizedKeys(file).revoke("anna") == ANNA
    assert known(file) == {BOB.public: BOB.rights}


def test_two_at_once_lose_nothing(file, monkeypatch):
    """Who begins while another one has read the file, and not written it yet, waits for that."""
    first, second = AuthorizedKeys(file), AuthorizedKeys(file)
    thread = threading.Thread(target=second.authorize, args=(BOB,))
    write = first._write  # private: the moment between reading and writing

    def write_late(keys):
        thread.start()
        thread.join(0.2)  # it may not come to its end now
        write(keys)

    monkeypatch.setattr(first, "_write", write_late)  # private: see above
    first.authorize(ANNA)
    thread.join()
    assert known(file) == {ANNA.public: ANNA.rights, BOB.public: BOB.rights}


def test_changes_are_seen(file):
    """Each one, at the next look; without one nothing is read."""
    keys = AuthorizedKeys(file)
    keys.look()
    assert not keys.look()
    for rights in ((Right(Verb.READ),), (), (Right(Verb.STOP, "x"),)):
        AuthorizedKeys(file).authorize(Authorized(ANNA.public, Rights("anna", rights)))
        assert keys.look()
        assert keys.known == {ANNA.public: Rights("anna", rights)}
    file.unlink()
    assert keys.look()
    assert not keys.known


def test_the_owner_has_all_rights_and_cannot_be_another(file):
    """Without any file; his key and his name are nobody else's."""
    assert known(file, "O" * 40)["O" * 40].full
    with pytest.raises(RightsError, match="authorized already, as 'owner'"):
        AuthorizedKeys(file, ANNA.public).authorize(ANNA)
    with pytest.raises(RightsError, match="owner"):
        Authorized.parse(f"owner {'A' * 40} read")


def test_one_key_has_one_name(file):
    """To authorize it again under the same name changes its rights; under another one is an error."""
    keys = AuthorizedKeys(file)
    keys.authorize(ANNA)
    with pytest.raises(RightsError, match="as 'anna'"):
        keys.authorize(Authorized(ANNA.public, Rights("eve", ())))
    with pytest.raises(RightsError, match=r"no key 'eve'.*anna"):
        keys.revoke("eve")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("anna", "no public key"),
        ("anna short read", "no public key"),
        (f"an/na {'A' * 40} read", "no name of a key"),
        (f"anna {'A' * 40} fly", "nothing that a key may do"),
        (f"anna {'A' * 40} read read:", "mask"),
        (f"anna {'A' * 40}  read", "nothing that a key may do"),
        (f"bob {'C' * 40} read", "two lines"),
        ("\x00\x1b[2J", "no public key"),
    ],
)
def test_a_line_that_cannot_be_read_authorizes_nobody(file, line, what):
    """It is told with its place; the others count, and nothing is written over it."""
    file.write_text(f"# remark\n\n{BOB}\n{line}\n")
    file.chmod(0o600)
    keys = AuthorizedKeys(file)
    keys.look()
    assert dict(keys.known) == {BOB.public: BOB.rights}
    assert what in keys.flaws[0]
    assert f"{file}:4:" in keys.flaws[0]
    with pytest.raises(RightsError, match=what):
        keys.authorize(ANNA)


def test_a_file_that_others_can_write_authorizes_nobody(file):
    """The remedy is told."""
    AuthorizedKeys(file).authorize(ANNA)
    file.chmod(0o620)
    keys = AuthorizedKeys(file)
    keys.look()
    assert not keys.known
    assert "mode 0620" in keys.flaws[0]
    assert f"chmod 600 {file}" in keys.flaws[0]
    file.chmod(0o600)
    assert keys.look()
    assert keys.known


def test_keys_of_zeromq_are_keys(file):
    """Whatever characters they have."""
    keys = AuthorizedKeys(file)
    made = [zmq.curve_keypair()[0].decode() for _ in range(50)]
    for number, public in enumerate(made):
        keys.authorize(Authorized(public, Rights(f"k{number}", (Right(Verb.READ, "#*"),))))
    assert list(known(file)) == made
