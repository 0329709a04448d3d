"""Fetch weights that do not come with agentspace.

python -m models.weights list                   # what there is, where from, whose, whether it is here
python -m models.weights pull dino-vits8        # 87 MB
python -m models.weights pull dino-vits8 --mirror https://example.org/files/
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from models.files.artifact import ArtifactError
from models.weights import catalogue
from models.weights.pull import DownloadError, pull


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


def _list(as_json: bool) -> None:
    facts = [_facts(entry) for entry in catalogue.ENTRIES]
    if as_json:
        print(json.dumps(facts, indent=1))
        return
    for each in facts:
        print(f"{each['name']}: {'here' if each['present'] else 'not fetched yet'}, {each['path']}")
        print(f"  {each['origin']}; licence {each['licence']}\n  {each['url']}")
        print(f"  SHA-256 {each['sha256'] or 'not known: recorded at the first download, verified afterwards'}")


def _pull(chosen: argparse.Namespace) -> None:
    entry = catalogue.entry(chosen.name)
    path, what = pull(chosen.name, chosen.mirror, chosen.sha256, chosen.progress or sys.stderr.isatty())
    print(f"{path}: {what}\n{entry.origin}; licence {entry.licence}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 1 if it could not be done, 130 if it was interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m models.weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="what can be fetched, and what is here")
    listing.add_argument("--json", action="store_true", help="as JSON")
    fetching = commands.add_parser("pull", help="fetch weights into the cache folder")
    fetching.add_argument("name", help=", ".join(entry.name for entry in catalogue.ENTRIES))
    fetching.add_argument(
        "--mirror", default="", metavar="URL", help="another address; a folder if it ends with /"
    )
    fetching.add_argument("--sha256", default="", metavar="HEX", help="what its SHA-256 must be, if you know it")
    fetching.add_argument("--progress", action="store_true", help="show a bar also where there is no terminal")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "list":
            _list(chosen.json)
        else:
            _pull(chosen)
    except (ArtifactError, DownloadError) as error:
        print(f"models.weights: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
