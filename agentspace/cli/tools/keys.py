"""The commands about who may do what over tcp: keys."""

import json
import shlex
from pathlib import Path
from typing import Any, Final

import click
import zmq
from click.shell_completion import CompletionItem

from agentspace.cli.terminal.options import echo_json, json_option
from agentspace.cli.terminal.render import show_table
from agentspace.errors import AgentspaceError, RightsError, suggest
from agentspace.rights.authorized import Authorized, AuthorizedKeys, check_key_name, check_public
from agentspace.rights.right import Right, Rights, Verb
from agentspace.wire.address import KEY_LENGTH, client_key, key_folder, private, server_keys, write_private

_ENDING: Final = ".key"


def _rights(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> tuple[Right, ...]:
    """The rights that texts mean."""
    try:
        return tuple(dict.fromkeys(map(Right.parse, texts)))
    except RightsError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _complete_right(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The verbs."""
    return [CompletionItem(verb) for verb in Verb if verb.startswith(incomplete)]


def _complete_authorized(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the keys that are authorized."""
    names = [rights.name for rights in _authorized().known.values()]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _complete_file(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, and the names of the keys in the key folder."""
    names = [file.stem for file in sorted(key_folder().glob(f"*{_ENDING}"))]
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")]


@click.group()
def keys() -> None:
    """Say who may do what over tcp: a key for each client, with rights.

    A right is VERB or VERB:MASK. Verbs: read, write, trigger (hear of changes) slots; act as, swap, stop, operate
    (set, start, restart) roles. Who has no right to something may not do it. Clients on this machine need no key.

    \b
    Examples:
      agentspace keys new anna                  make a key pair, here or on the client's machine
      agentspace keys authorize anna --may 'read:camera/*' --may 'write:arm/*'
      agentspace keys list
      agentspace keys revoke anna               takes effect at once
    """  # noqa: D301


@keys.command()
@click.argument("name")
@click.option(
    "--server", metavar="FILE-or-PUBLIC", help="The server's public key; by default that of this user's server."
)
def new(name: str, server: str | None) -> None:
    """Make a key pair, NAME.key in the key folder; it may do nothing until its server authorizes it.

    Make it where the client runs, then no secret travels: the public key is printed.

    \b
    Examples:
      agentspace keys new anna                      on the server's machine; then copy anna.key
      agentspace keys new anna --server 'Z85...'    on the client's machine
    """  # noqa: D301
    file = private(key_folder()) / f"{check_key_name(name)}{_ENDING}"
    if file.exists():
        raise RightsError(f"there is a key {file} already: remove it first, or take another name")
    of_server = server_keys()[1].server if server is None else _public_of(server, "server")
    public, secret = _pair()
    try:
        write_private(file, json.dumps({"server": of_server, "public": public, "secret": secret}))
    except OSError as error:
        raise AgentspaceError(f"cannot write {file}: {error.strerror}") from None
    click.echo(f"{file}\npublic key: {shlex.quote(public)}", err=True)
    click.echo(public)


@keys.command()
@click.argument("key", metavar="FILE-or-PUBLIC", shell_complete=_complete_file)
@click.option("--as", "name", help="Its name; by default that of the file.")
@click.option(
    "--may",
    metavar="VERB[:MASK]",
    multiple=True,
    required=True,
    callback=_rights,
    shell_complete=_complete_right,
    help="A right; may be given several times.",
)
def authorize(key: str, name: str | None, may: tuple[Right, ...]) -> None:
    """Let a client with this key in, with these rights and no others; or change its rights.

    \b
    Examples:
      agentspace keys authorize anna.key --may read --may 'act:viewer' --may 'trigger:camera/*'
      agentspace keys authorize 'Z85...' --as anna --may 'write:arm/*'
    """  # noqa: D301
    public = _public_of(key, "public")
    if name is None and key == public:
        raise click.UsageError("say with --as which name this key has")
    chosen = check_key_name(name or Path(key).name.removesuffix(_ENDING))
    _store().authorize(Authorized(public, Rights(chosen, may)))
    click.echo(f"{chosen}: {', '.join(map(str, may))}")


@keys.command()
@click.argument("name", shell_complete=_complete_authorized)
def revoke(name: str) -> None:
    """Let the client with the key NAME in no more; one that is connected is cut off at once.

    \b
    Example:
      agentspace keys revoke anna
    """  # noqa: D301
    _store().revoke(name)
    click.echo(f"{name}: revoked")


@keys.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the keys that are authorized, and their rights.

    \b
    Example:
      agentspace keys list --json | jq -r '.[].name'
    """  # noqa: D301
    found = _authorized()
    for flaw in found.flaws:
        click.echo(f"agentspace: authorizes nobody: {flaw}", err=True)
    if as_json:
        echo_json([_told(public, rights) for public, rights in found.known.items()])
    else:
        rows = [[rights.name, _words(rights), public] for public, rights in found.known.items()]
        show_table(["key", "may", "public key"], rows, right=())


@keys.command()
@click.argument("name", shell_complete=_complete_authorized)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the public key and the rights of the key NAME.

    \b
    Example:
      agentspace keys show anna
    """  # noqa: D301
    known = {rights.name: (public, rights) for public, rights in _authorized().known.items()}
    if name not in known:
        raise RightsError(f"no key {name!r} is authorized: {suggest(name, known)}")
    public, rights = known[name]
    if as_json:
        echo_json(_told(public, rights))
    else:
        click.echo("\n".join([f"public key: {public}", *map(str, rights.all)]))


def _pair() -> tuple[str, str]:
    """A key pair; no command line takes its public key for an option."""
    while True:
        public, secret = (key.decode() for key in zmq.curve_keypair())
        if public[0].isalnum():
            return public, secret


def _public_of(key: str, field: str) -> str:
    """The public key that a user means: itself, or a file of keys, or the name of one in the key folder."""
    file = next((file for file in (Path(key), key_folder() / f"{key}{_ENDING}") if file.is_file()), None)
    if file is not None:
        return str(getattr(client_key(file), field))
    if len(key) != KEY_LENGTH:
        raise RightsError(f"{key!r} is neither a file of keys nor a public key: make one with agentspace keys new")
    return check_public(key)


def _store() -> AuthorizedKeys:
    """The keys that servers of this user let in."""
    owner = key_folder() / "space.key"
    return AuthorizedKeys(owner=client_key(owner).public if owner.exists() else "")


def _authorized() -> AuthorizedKeys:
    store = _store()
    store.look()
    return store


def _words(rights: Rights) -> str:
    return "everything" if rights.full else " ".join(map(str, rights.all))


def _told(public: str, rights: Rights) -> dict[str, Any]:
    return {"name": rights.name, "public": public, "may": [str(right) for right in rights.all]}
