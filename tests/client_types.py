"""Writes portunus_client/results.py from the published JSON Schemas: `python -m tests.client_types`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from broker.lookups.schema import ClaimStatusResult, EligibilityResult

FILE = Path(__file__).parents[1] / "portunus_client" / "results.py"
HEAD = '''"""The results of lookups as types, written by tests/client_types.py from the published JSON Schemas. Amounts are strings."""

from typing import Literal, NotRequired, TypedDict
'''
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def source() -> str:
    """The module, in house form."""
    parts: dict[str, Any] = {}
    for model in (EligibilityResult, ClaimStatusResult):
        schema = model.model_json_schema(mode="serialization")
        parts |= schema.pop("$defs")
        parts[model.__name__] = schema
    classes = [_class(name, part, parts) for name, part in _in_order(parts) if "properties" in part]
    formatter = [str(Path(sys.executable).with_name("ruff")), "format", "--stdin-filename", str(FILE), "-"]
    text = "\n\n".join([HEAD, *classes])
    return subprocess.run(formatter, input=text, capture_output=True, text=True, check=True).stdout


def _in_order(parts: dict[str, Any]) -> list[tuple[str, Any]]:
    """What is named by others first."""
    done: dict[str, Any] = {}

    def add(name: str) -> None:
        if name not in done:
            for inner in _named(parts[name]):
                add(inner)
            done[name] = parts[name]

    for name in sorted(parts):
        add(name)
    return list(done.items())


def _named(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"].rpartition("/")[2]] if isinstance(part.get("$ref"), str) else []
        return own + [name for inner in part.values() for name in _named(inner)]
    return [name for inner in part for name in _named(inner)] if isinstance(part, list) else []


def _class(name: str, part: dict[str, Any], parts: dict[str, Any]) -> str:
    fields = [f"    {field}: {_type(told, parts, outer=True)}" for field, told in part["properties"].items()]
    return f"class {name}(TypedDict):\n" + "\n".join(fields)


def _type(told: dict[str, Any], parts: dict[str, Any], *, outer: bool = False) -> str:
    """What is not said is left out of an answer: such a field need not be there."""
    if "anyOf" in told:
        some = [one for one in told["anyOf"] if one.get("type") != "null"]
        plain = " | ".join(dict.fromkeys(_type(one, parts) for one in some))
        return f"NotRequired[{plain}]" if outer and len(some) < len(told["anyOf"]) else plain
    if "$ref" in told:
        name = told["$ref"].rpartition("/")[2]
        return name if "properties" in parts[name] else _type(parts[name], parts)
    if "const" in told:
        return f"Literal[{told['const']!r}]"
    if "enum" in told:
        return f"Literal[{', '.join(map(repr, told['enum']))}]"
    if told["type"] == "array":
        items = told.get("items") or told["prefixItems"][0]
        return f"list[{_type(items, parts)}]"
    if told["type"] == "object":
        patterns = list(told.get("patternProperties", {}).values())
        return f"dict[str, {_type(patterns[0] if patterns else told['additionalProperties'], parts)}]"
    return PLAIN[told["type"]]


if __name__ == "__main__":
    FILE.write_text(source())
