"""Label sets by name and from YAML files: which ids a data set or a network gives, and what they
mean to the weights. Those that ship lie in config/taxonomies/, each with its source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import yaml

from mtml_ros.core.errors import ConfigurationError, InputError
from mtml_ros.core.files import read_bounded
from mtml_ros.core.resources import config_file, config_files
from mtml_ros.core.taxonomy import Kind, SemanticClass, Taxonomy

MAX_FILE_BYTES = 1 << 18  # ten times what 255 classes need

FROM_0 = "_from_0"
"""After a set's name: numbered 0, 1, 2, ... in the set's order, as most networks do."""

_MADE = {"scannet": Taxonomy.scannet, "toy": Taxonomy.toy}
_DEFAULTS = {c.name: (c.kind, c.color) for c in Taxonomy.scannet().classes}


def shipped_names() -> list[str]:
    """The names that `Taxonomy.load` knows, sorted; each may be followed by `_from_0`."""
    return sorted({*_MADE, *(path.stem for path in config_files("taxonomies", ".yaml"))})


def load_taxonomy(name_or_path: str | Path) -> Taxonomy:
    """The taxonomy of a name that ships, or of a YAML file: a list `classes` of entries
    {id, name, as: the network's class, kind: thing | stuff | ignore, color: [r, g, b]}.

    Raises ConfigurationError, naming the file and the entry, for anything malformed.
    """
    name = str(name_or_path)
    plain = name.removesuffix(FROM_0)
    if plain in _MADE:
        found = _MADE[plain]()
    elif plain in shipped_names():
        found = _load_yaml(config_file(f"taxonomies/{plain}.yaml"))
    elif Path(name).suffix or "/" in name or Path(name).exists():
        return _load_yaml(Path(name))
    else:
        raise ConfigurationError(
            f"no taxonomy {name!r}: give the path of a YAML file or one of "
            f"{', '.join(shipped_names())}"
        )
    return found if plain == name else found.numbered_from_0()


class _Loader(yaml.SafeLoader):
    """Safe YAML without references: nine of nine of nine ... fill any memory from a short file."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references (*name) are not used in taxonomies")
        return super().compose_node(parent, index)


def _load_yaml(path: Path) -> Taxonomy:
    try:
        data = yaml.load(read_bounded(path, MAX_FILE_BYTES).decode("utf-8"), _Loader)
    except InputError as error:
        raise ConfigurationError(f"taxonomy {error}") from None
    except (UnicodeDecodeError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"taxonomy {path}: cannot be read: {error}") from error
    entries = data.get("classes") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise ConfigurationError(f"taxonomy {path}: needs a list 'classes'")
    try:
        return Taxonomy([_parse_entry(e) for e in entries])
    except (ConfigurationError, ValueError) as error:  # ValueError: an id of thousands of digits
        raise ConfigurationError(f"{path}: {error}") from None


def _parse_entry(entry: Any) -> SemanticClass:
    """One YAML entry: {id, name, as: network class, kind: thing, color: [r, g, b]}."""
    where = f"taxonomy entry {str(entry)[:120]}"
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where}: must be a mapping with id and name")
    extra = set(map(str, entry)) - {"id", "name", "as", "kind", "color"}
    if extra:
        raise ConfigurationError(f"{where}: unknown key {', '.join(sorted(extra))}")
    id_, name = entry.get("id"), entry.get("name")
    if type(id_) is not int:
        raise ConfigurationError(f"{where}: 'id' must be an integer")
    if not isinstance(name, str):
        raise ConfigurationError(f"{where}: 'name' must be a text")
    network_name = entry.get("as", name)
    if not isinstance(network_name, str):
        raise ConfigurationError(f"{where}: 'as' must be a text")
    default_kind, default_color = _DEFAULTS.get(network_name, ("thing", (160, 160, 160)))
    kind = entry.get("kind", default_kind)
    if kind not in get_args(Kind):
        raise ConfigurationError(f"{where}: 'kind' must be one of {', '.join(get_args(Kind))}")
    color = entry.get("color", list(default_color))
    if not (isinstance(color, list) and len(color) == 3
            and all(type(v) is int and 0 <= v <= 255 for v in color)):  # fmt: skip
        raise ConfigurationError(f"{where}: 'color' must be three integers 0..255")
    return SemanticClass(id_, name, kind, (color[0], color[1], color[2]), network_name)
