"""Fuzzes the taxonomy loader, guided by coverage: a Taxonomy that works, or a ConfigurationError.

pip install atheris
python fuzz/load_taxonomy.py CORPUS_DIR -max_total_time=600 -max_len=600 -only_ascii=1
"""

import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["mtml_ros", "yaml"]):
    from mtml_ros.errors import ConfigurationError
    from mtml_ros.taxonomy import Taxonomy

FILE = Path(tempfile.mkdtemp()) / "taxonomy.yaml"
ENTRY = "{{id: {}, name: {}, as: {}, kind: {}, color: [{}, {}, {}]}}"
WORDS = ["chair", "wall", "unknown", "box", "thing", "stuff", "ignore", "", "null", "~", "on"]


def one_input(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    if provider.ConsumeBool():
        content = provider.ConsumeBytes(provider.remaining_bytes())
    else:  # entries that are nearly right reach what lies behind the YAML parser
        entries = []
        for _ in range(provider.ConsumeIntInRange(0, 5)):
            words = [provider.PickValueInList(WORDS) for _ in range(3)]
            numbers = [provider.ConsumeIntInRange(-2, 300) for _ in range(3)]
            id_ = provider.ConsumeInt(4) if provider.ConsumeBool() else len(entries)
            entry = ENTRY.format(id_, *words, *numbers)
            entries.append(entry[: provider.ConsumeIntInRange(0, 2 * len(entry))])
        content = "\n- ".join(["classes:", *entries]).encode()
        content += provider.ConsumeBytes(provider.remaining_bytes())
    FILE.write_bytes(content)
    try:
        taxonomy = Taxonomy.load(FILE)
    except ConfigurationError as error:
        if str(FILE) not in str(error) or len(str(error)) > 3000:
            raise RuntimeError("an error that names no file, or tells too much") from error
        return
    assert 1 <= len(taxonomy) <= 255
    assert taxonomy.ids.shape == (len(taxonomy) + 1,)
    assert taxonomy.colors.shape == (len(taxonomy) + 1, 3)
    indices = taxonomy.encode(taxonomy.ids[1:].astype(np.int64))
    assert indices.tolist() == list(range(1, len(taxonomy) + 1))
    assert not (taxonomy.is_thing & taxonomy.is_stuff).any()
    for name in taxonomy.names[1:]:
        assert taxonomy.names[taxonomy.index(name)] == name


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
