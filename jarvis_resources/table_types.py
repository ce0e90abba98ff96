"""What a table's declaration is made of, and what follows from it: files, schemas, checks.

A table is passed between modules as a pandas DataFrame whose columns have the types below; ``conform`` gives a frame
that shape, ``write`` and ``read`` are the only ways to disk. In pandas: text is ``str`` (missing: NaN), times are
``datetime64[us, UTC]``, lists are Python lists in an object column. Lists of a table as long as the history stay in
Arrow, where they take a tenth of the memory; taken out one by one, they are Python lists too. Which tables there are is
declared in ``tables``.

Nothing here imports pandera or pandas until it is needed, so that serving can read tables quickly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from jarvis_resources.errors import JarvisError
from jarvis_resources.files import replacing

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera

_TIME = pa.timestamp("us", tz="UTC")
_IN_ARROW: str = "arrow"
"""Stands for the pandas type of a column whose values stay in an Arrow array."""


class Type(Enum):
    """A column's type: its Arrow type and the pandas dtype that goes with it."""

    TEXT = (pa.string(), "str")
    TIME = (_TIME, "datetime64[us, UTC]")
    FLAG = (pa.bool_(), "bool")
    INTEGER = (pa.int64(), "int64")
    REAL = (pa.float64(), "float64")
    TEXTS = (pa.list_(pa.string()), "object")
    EDITS = (pa.list_(pa.struct([("sent_at", _TIME), ("text", pa.string())])), "object")
    GUIDS = (pa.list_(pa.string()), _IN_ARROW)
    CONTEXT = (
        pa.list_(pa.struct([("guid", pa.string()), ("speaker", pa.string()), ("text", pa.string())])),
        _IN_ARROW,
    )

    @property
    def arrow(self) -> pa.DataType:
        """Type in the Parquet file."""
        return self.value[0]

    @property
    def stays_in_arrow(self) -> bool:
        """Whether a DataFrame holds it as an Arrow array."""
        return bool(self.value[1] == _IN_ARROW)

    @property
    def dtype(self) -> Any:
        """Type in a DataFrame: the name that pandas has for it, or its Arrow type as pandas wraps it."""
        if not self.stays_in_arrow:
            return self.value[1]
        import pandas as pd

        return pd.ArrowDtype(self.arrow)


@dataclass(frozen=True)
class Column:
    """One column: its type, its meaning (with its unit), and what its values may be."""

    type: Type
    meaning: str
    nullable: bool = False
    values: tuple[str, ...] = ()
    """The only values allowed; empty: any."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest value allowed."""
    unique: bool = False
    private: bool = False
    """Holds what people wrote or who they are: masked in previews unless ``settings.show_text``."""


@dataclass(frozen=True)
class Table:
    """A named table: what one row is, and its columns in order."""

    name: str
    row: str
    columns: dict[str, Column]

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """Schema of the Parquet file."""
        return pa.schema([pa.field(name, c.type.arrow, nullable=c.nullable) for name, c in self.columns.items()])

    @cached_property
    def pandera_schema(self) -> pandera.DataFrameSchema:
        """Schema that the generated blocking check validates against: exact columns, types, values and bounds."""
        import pandera.pandas as pandera

        def column(name: str, declared: Column) -> pandera.Column:
            checks = []
            if declared.values:
                checks.append(pandera.Check.isin(declared.values))
            if declared.bounds is not None:
                checks.append(pandera.Check.in_range(*declared.bounds))
            dtype = None if declared.type.dtype == "object" else declared.type.dtype
            return pandera.Column(
                dtype,
                checks=checks,
                nullable=declared.nullable,
                unique=declared.unique,
                name=name,
                description=declared.meaning,
            )

        return pandera.DataFrameSchema(
            {name: column(name, declared) for name, declared in self.columns.items()},
            strict=True,
            ordered=True,
            name=self.name,
            description=self.row,
        )

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """``frame`` with exactly these columns, in this order and of these types; extra columns are left out.

        Raises ``JarvisError`` when a column is missing or cannot be read as its type.
        """
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise JarvisError(f"The table {self.name} lacks the column {missing[0]!r}; this is a bug in JARVIS.")
        out = frame.loc[:, list(self.columns)].reset_index(drop=True)
        for name, column in self.columns.items():
            if out[name].dtype != column.type.dtype:
                try:
                    # A column of nothing but nulls has no type of its own yet.
                    values = out[name].astype("object") if out[name].isna().all() else out[name]
                    out[name] = values.astype(column.type.dtype)
                except (TypeError, ValueError) as error:
                    raise JarvisError(
                        f"The column {name} of {self.name} is not {column.type.name.lower()}: {type(error).__name__}."
                    ) from error
        return out

    def empty(self) -> pd.DataFrame:
        """A frame of these columns without a row."""
        return self.conform(self.arrow_schema.empty_table().to_pandas())

    def to_arrow(self, rows: pd.DataFrame | pa.Table) -> pa.Table:
        """``rows`` as an Arrow table of this schema."""
        if isinstance(rows, pa.Table):
            return rows.select(list(self.columns)).cast(self.arrow_schema)
        table = pa.Table.from_pandas(self.conform(rows), schema=self.arrow_schema, preserve_index=False)
        # pandas would note its own types in the file, and could not read back those of lists.
        return table.replace_schema_metadata(None)

    def write(self, rows: pd.DataFrame | pa.Table, path: Path) -> None:
        """Write ``rows`` to ``path`` as Parquet: aside first, fsynced, renamed, mode 0600."""
        with replacing(path) as sink:
            self.write_to(rows, sink)

    def write_to(self, rows: pd.DataFrame | pa.Table, sink: IO[bytes]) -> None:
        """Write ``rows`` to an open binary file as Parquet."""
        # A dictionary of values that never repeat would only cost time.
        repeating = [name for name, column in self.columns.items() if not column.unique]
        pq.write_table(self.to_arrow(rows), sink, compression="zstd", row_group_size=131_072, use_dictionary=repeating)
        pa.default_memory_pool().release_unused()

    def read(self, source: Path | str | Any, columns: list[str] | None = None) -> pd.DataFrame:
        """The table at ``source`` (a path or an open binary file), with the types above; ``columns`` picks some."""
        frame = self.to_pandas(pq.read_table(source, columns=columns))
        # What was only in between would otherwise be kept for later, which for a long table is hundreds of megabytes.
        pa.default_memory_pool().release_unused()
        return frame

    def to_pandas(self, arrow: pa.Table) -> pd.DataFrame:
        """An Arrow table of this schema, or some of its columns, as a frame with the types above."""
        in_arrow = [name for name in arrow.column_names if self.columns[name].type.stays_in_arrow]
        frame: pd.DataFrame = arrow.drop_columns(in_arrow).to_pandas()
        for place, name in enumerate(arrow.column_names):
            kind = self.columns[name].type
            if kind.stays_in_arrow:
                frame.insert(place, name, arrow_column(arrow[name].cast(kind.arrow)))
            elif kind is Type.EDITS:
                # Inside a list, to_pandas would drop the time zone.
                frame[name] = object_column(arrow[name].to_pylist())
            elif kind.dtype == "object":
                # Arrow hands lists over as arrays; the house passes lists.
                frame[name] = object_column(None if value is None else list(value) for value in frame[name])
            elif str(frame[name].dtype) != kind.dtype:
                frame[name] = frame[name].astype(kind.dtype)
        return frame


def arrow_column(values: pa.Array | pa.ChunkedArray) -> pd.Series:
    """An Arrow array as a column of a DataFrame; nothing is copied."""
    import pandas as pd

    return pd.Series(pd.arrays.ArrowExtensionArray(values))


def object_column(values: Iterable[Any]) -> pd.Series:
    """A column of Python objects, whatever they look like (pandas would guess a type)."""
    import pandas as pd

    return pd.Series(list(values), dtype="object")


def violations(table: Table, frame: pd.DataFrame) -> list[str]:
    """What is wrong with ``frame`` as a ``table``: one sentence for each broken rule, never a value; empty: nothing."""
    import pandera.errors

    try:
        table.pandera_schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases.groupby(["column", "check"], dropna=False, sort=True).size()
        return [f"{column}: {_rule(str(check))} fails for {count} rows" for (column, check), count in cases.items()]
    return []


def _rule(check: str) -> str:
    """A check's name without its arguments, which may quote data."""
    return re.sub(r"\(.*", "", check, flags=re.DOTALL)
