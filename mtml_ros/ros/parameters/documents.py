"""The parameters as people read them: README's table, config/instance_segmentation.yaml, help.

`python -m mtml_ros.ros.parameters.documents` prints both; tests hold the files to it.
"""

from __future__ import annotations

import textwrap
from typing import Any

from mtml_ros.ros.parameters import table

_WHEN = {"always": "any time", "unconfigured": "only while unconfigured", "never": "read-only"}


def markdown_table() -> str:
    """One row a parameter."""
    rows = [
        "| parameter | type | default | values | changes | meaning |",
        "|---|---|---|---|---|---|",
    ]
    for name in table.names():
        spec = table.spec_of(name)
        rows.append(
            f"| `{name}` | {table.type_of(name)} | `{_yaml(table.default_of(name))}` "
            f"| {table.limits_of(name)} | {_WHEN[spec.change]} | {spec.description} |"
        )
    return "\n".join(rows) + "\n"


def yaml_file() -> str:
    """A complete parameter file with every default, each explained."""
    lines = [
        "# Every parameter of instance_segmentation_node, with its default.",
        "/**:",
        "  ros__parameters:",
    ]
    for name in table.names():
        spec = table.spec_of(name)
        limits = table.limits_of(name)
        facts = f"{limits}; {_WHEN[spec.change]}" if limits else _WHEN[spec.change]
        wrapped = textwrap.wrap(f"{spec.description} [{facts}]", 92)
        lines += ["", *(f"    # {line}" for line in wrapped)]
        lines.append(f"    {name}: {_yaml(table.default_of(name))}")
    return "\n".join(lines) + "\n"


def text() -> str:
    """What `instance_segmentation_node --help` lists."""
    return "\n".join(
        textwrap.fill(
            f"{name} ({_yaml(table.default_of(name))}): {table.spec_of(name).description}",
            92,
            initial_indent="  ",
            subsequent_indent="      ",
        )
        for name in table.names()
    )


def _yaml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    print(markdown_table())
    print(yaml_file(), end="")
