"""What was learned from a history, and what was measured on it, stands until the history has outgrown it.

A week's messages change neither what the replies of years are about nor what suggestions are worth, and finding that out
would take as long as the first time. So topics, calibration, evaluation and comparison are kept with a sketch of the
pairs that they came from, and made anew when more pairs than the setting ``renew_at`` allows have come or gone since, or
have changed in what the sketch looks at. Whatever else they depend on is in their key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from safetensors.numpy import load, save

from jarvis_assets import kept

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from jarvis_resources.settings import Settings

FOLDER = "standing"
"""Where ``$JARVIS_HOME`` keeps it."""
_SKETCHED = 8_192
"""Pairs in a sketch: a change of a tenth is told to within a third of a hundredth (one standard error)."""
_LIBRARIES = ("faiss-cpu", "hdbscan", "numpy", "onnxruntime", "pandas", "scikit-learn", "umap-learn")
"""Libraries whose next version may give other numbers."""
_PACKAGES = ("jarvis_assets", "jarvis_serving", "jarvis_resources")

T = TypeVar("T")
Packed = tuple[dict[str, Any], Mapping[str, "NDArray[Any]"]]
"""A value to keep: what JSON can say, and arrays by name."""


@dataclass(frozen=True)
class PairSketch:
    """A history's pairs, remembered by those with the smallest hashes (the k minimum values of Bar-Yossef et al. 2002)."""

    count: int
    """Pairs there were."""
    limit: int
    """Every pair whose number is below this is in ``numbers``."""
    numbers: NDArray[np.uint64]

    @classmethod
    def of(cls, pairs: NDArray[np.uint64]) -> PairSketch:
        """The sketch of the pairs with these numbers."""
        numbers = np.unique(pairs)
        limit = int(numbers[_SKETCHED]) if len(numbers) > _SKETCHED else 2**64 - 1
        return cls(len(pairs), limit, numbers[numbers < limit])

    def changed(self, pairs: NDArray[np.uint64]) -> float:
        """Pairs that came or went, as a share of those there were (above 1 where a history more than doubled)."""
        return len(np.setxor1d(self.numbers, pairs[pairs < self.limit])) / max(1, len(self.numbers))


@dataclass(frozen=True)
class Standing(Generic[T]):
    """A value, and the history that it was made of."""

    value: T
    made_at: datetime
    pairs: int
    """Pairs there were."""
    changed: float | None = None
    """Pairs that have come or gone since, as a share of those; None: it was made just now."""

    @property
    def sentence(self) -> str:
        """When it was made and how much of the history has changed since; empty: just now."""
        if self.changed is None:
            return ""
        return f"made {self.made_at:%-d %B %Y} of {self.pairs:,} pairs; {self.changed:.1%} have come or gone since"

    def as_metadata(self) -> dict[str, Any]:
        """For the graph: whether this stands from an earlier mining."""
        return {"stands": self.sentence or "made in this run"}


def once(
    settings: Settings,
    name: str,
    key: str,
    pairs: NDArray[np.uint64],
    make: Callable[[], T],
    *,
    pack: Callable[[T], Packed],
    unpack: Callable[[dict[str, Any], Mapping[str, NDArray[Any]]], T],
) -> Standing[T]:
    """What was made of nearly these ``pairs`` (``pair_numbers`` or ``row_numbers``) under ``key``; else it is made, and kept
    instead of what ``name`` had. Raises ``JarvisError`` when it cannot be written.

    ``unpack`` gets what ``pack`` gave; with a ``ValueError`` it refuses, and the value is made anew.
    """

    def read(content: bytes) -> Standing[T]:
        arrays = load(content)
        said = json.loads(arrays.pop("said").tobytes())
        sketch = PairSketch(said["pairs"], said["limit"], arrays.pop("sketch"))
        changed = sketch.changed(pairs)
        if not settings.renew_at or changed > settings.renew_at:
            raise ValueError("outgrown")
        return Standing(unpack(said["facts"], arrays), datetime.fromisoformat(said["made_at"]), sketch.count, changed)

    def written(standing: Standing[T]) -> bytes:
        sketch = PairSketch.of(pairs)
        facts, arrays = pack(standing.value)
        said = {"made_at": standing.made_at.isoformat(), "pairs": sketch.count, "limit": sketch.limit, "facts": facts}
        return save({**arrays, "sketch": sketch.numbers, "said": np.frombuffer(json.dumps(said).encode(), np.uint8)})

    return kept.once(settings.home / FOLDER, name, key, load=read, dump=written, make=lambda: just_made(make(), pairs))


def just_made(value: T, pairs: NDArray[np.uint64]) -> Standing[T]:
    """What was made of these ``pairs`` a moment ago."""
    return Standing(value, datetime.now(tz=UTC), len(pairs))


def pair_numbers(pair_ids: Sequence[str]) -> NDArray[np.uint64]:
    """The last 64 bits of each pair_id, which is a hash of 128 bits in hex: uint64 [pairs]."""
    return np.frombuffer(bytes.fromhex("".join(pair_id[-16:] for pair_id in pair_ids)), ">u8").astype(np.uint64)


def row_numbers(rows: pd.DataFrame) -> NDArray[np.uint64]:
    """A number of each row's content, 64 bits: uint64 [rows]. A row that changes counts as one gone and one come."""
    from pandas.util import hash_pandas_object

    numbers: NDArray[np.uint64] = hash_pandas_object(rows, index=False).to_numpy(np.uint64)
    return numbers


def key_of_all_code(*parts: Any) -> str:
    """A key of plain ``parts``, of all of our code and of the libraries: what was measured of one version says nothing of another."""
    return kept.key_of([*map(repr, parts), *libraries(), _code()], ())


def libraries() -> list[str]:
    """The libraries that numbers come from, with their versions."""
    return [f"{name} {version(name)}" for name in _LIBRARIES]


@cache
def _code() -> str:
    return kept.key_of(_sources(), ())


def _sources() -> Iterator[bytes]:
    for name in _PACKAGES:
        # Words, rules and pins lie beside the code that reads them.
        for file in sorted(Path(str(import_module(name).__file__)).parent.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.read_bytes()
