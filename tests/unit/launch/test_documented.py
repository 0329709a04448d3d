"""Launch files: the schema, and the documentation, which tells of all that can be in one."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agentspace.launch.document import Document
from agentspace.launch.structure import check, schema
from tests.support.paths import ROOT


def test_schema_is_valid() -> None:
    """The exported JSON Schema is one, and accepts the example of the documentation."""
    Draft202012Validator.check_schema(schema())
    example = {"version": 1, "agents": {"camera": {"class": "agents.camera:Camera", "nice": "${nice}"}}}
    assert list(Draft202012Validator(schema()).iter_errors(example)) == []


def documented() -> list[str]:
    text = (ROOT / "docs" / "reference" / "launch.md").read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("example", documented())
def test_documentation(example: str) -> None:
    """Every example of the documentation is right where it belongs."""
    document = Document.parse(example, Path("example.yaml"))
    data = document.data
    if "restart" in data:
        data = {"agents": {"a": {"class": "a:B", **data}}}
    if "if" in data:
        data = {"groups": {"a": data}}
    assert document.problems == []
    assert check(document, {"version": 1, **data})[1] == []


def test_documentation_names_every_key() -> None:
    """No section, and no key of an agent, is missing in the documentation."""
    text = (ROOT / "docs" / "reference" / "launch.md").read_text(encoding="utf-8")
    keys = {*schema()["properties"], *schema()["$defs"]["agent"]["properties"]}
    assert {key for key in keys if f"| `{key}` |" not in text} == set()
