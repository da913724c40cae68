"""Fuzzes the taxonomy loader, guided by coverage: a Taxonomy that works, or a ConfigurationError.

pip install atheris
python fuzz/load_taxonomy.py CORPUS -max_total_time=600 -max_len=600 -len_control=0 -only_ascii=1
"""

import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["mtml_ros", "yaml"]):
    from mtml_ros.core.errors import ConfigurationError
    from mtml_ros.core.taxonomy import Taxonomy

FILE = Path(tempfile.mkdtemp()) / "taxonomy.yaml"
WORDS = ["unknown", "box", "", "null", "~", "on", "[]", "{}", "0x7", "1_0", "!!str x", "*a", "&a"]


def an_entry(provider: atheris.FuzzedDataProvider, number: int) -> str:
    """An entry of a taxonomy that is right but for what the provider spoils."""

    def spoiled(value: object) -> object:
        kind = provider.ConsumeIntInRange(0, 31)
        if kind == 0:
            return provider.PickValueInList(WORDS)
        return provider.ConsumeInt(8) if kind == 1 else value

    color = ", ".join(str(spoiled(provider.ConsumeIntInRange(0, 255))) for _ in range(3))
    entry = (
        f"{{id: {spoiled(number)}, name: {spoiled(f'class {number}')}, as: {spoiled('chair')}, "
        f"kind: {spoiled(provider.PickValueInList(['thing', 'stuff', 'ignore']))}, "
        f"color: [{color}]}}"
    )
    return entry[: provider.ConsumeIntInRange(0, 8 * len(entry))]


def one_input(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    if provider.ConsumeBool():
        content = provider.ConsumeBytes(provider.remaining_bytes())
    else:  # nearly right, to reach what lies behind the YAML parser
        entries = [an_entry(provider, i) for i in range(provider.ConsumeIntInRange(1, 5))]
        content = "\n- ".join(["classes:", *entries]).encode()
        if provider.ConsumeBool():
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
