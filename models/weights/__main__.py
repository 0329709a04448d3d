"""Fetch weights that do not come with agentspace.

python -m models.weights list                   # what there is, where from, whose, whether it is here
python -m models.weights pull dino-vits8        # 87 MB
python -m models.weights pull dino-vits8 --mirror https://example.org/files/
"""

import json
import sys
from typing import Any

import click

from models.cli import group
from models.weights import catalogue
from models.weights.pull import pull


def _facts(entry: catalogue.Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "url": entry.url,
        "licence": entry.licence,
        "origin": entry.origin,
        "path": str(entry.path),
        "present": entry.path.is_file(),
        "sha256": entry.recorded() or None,
    }


@group("models.weights", __doc__, needs="'agentspace[train]'")
def main() -> None:
    """Fetch weights, and list them."""


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
def _list(as_json: bool) -> None:
    """The weights that can be fetched, and those that are here."""
    facts = [_facts(entry) for entry in catalogue.ENTRIES]
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    for each in facts:
        print(f"{each['name']}: {'here' if each['present'] else 'not fetched yet'}, {each['path']}")
        print(f"  {each['origin']}; licence {each['licence']}\n  {each['url']}")
        print(f"  SHA-256 {each['sha256'] or 'not known: recorded at the first download, verified afterwards'}")


@main.command("pull", help=f"Fetch weights into the cache folder: {', '.join(e.name for e in catalogue.ENTRIES)}.")
@click.argument("name")
@click.option(
    "--mirror", default="", show_default=False, metavar="URL", help="another address; a folder if it ends with /"
)
@click.option(
    "--sha256", default="", show_default=False, metavar="HEX", help="what its SHA-256 must be, if you know it"
)
@click.option("--progress", is_flag=True, help="show a bar also where there is no terminal")
def _pull(name: str, mirror: str, sha256: str, progress: bool) -> None:
    entry = catalogue.entry(name)
    path, what = pull(name, mirror, sha256, progress or sys.stderr.isatty())
    print(f"{path}: {what}\n{entry.origin}; licence {entry.licence}")


if __name__ == "__main__":
    sys.exit(main())
