"""Write the docs that are made from the code: ``python -m docs.generate`` (`make docs`)."""

from pathlib import Path

from jarvis_resources import tables

TABLES = Path(__file__).parent / "tables.md"


def dictionary() -> str:
    """``docs/tables.md``: every table and column, in Markdown."""
    lines = [
        "# The tables",
        "",
        "Generated from `jarvis_resources/tables.py` by `make docs`; change it there.",
    ]
    for table in tables.ALL.values():
        lines += [
            "",
            f"## {table.name}",
            "",
            f"{table.row}.",
            "",
            "| column | type | null | meaning |",
            "|---|---|---|---|",
        ]
        for name, column in table.columns.items():
            allowed = f" One of: {', '.join(column.values)}." if column.values else ""
            lines.append(
                f"| {name} | {column.type.name.lower()} | {'yes' if column.nullable else 'no'} "
                f"| {column.meaning}.{allowed} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLES.write_text(dictionary(), encoding="utf-8")
    print("wrote docs/tables.md")
