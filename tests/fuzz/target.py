"""One target under libFuzzer: ``python -m tests.fuzz.target bodies CORPUS -runs=1000``. Started by ``__main__``."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["jarvis_resources.imessage", "tests.fuzz", "plistlib"]):
    from tests.fuzz import bodies, summaries

TARGETS = {"bodies": bodies.check, "summaries": summaries.check}

if __name__ == "__main__":
    check = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
