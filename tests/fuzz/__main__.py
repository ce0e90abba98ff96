"""Fuzzes the decoders, guided by coverage: ``python -m tests.fuzz [--seconds 600] [--runs 10000000]``; needs atheris.

Prints executions, seconds and crashes of each target, and exits with 1 where there was a crash, a hang of two seconds
or a gigabyte of memory; the input that did it is then kept in ``fuzz-findings``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz import bodies, summaries

FINDINGS = Path("fuzz-findings")
"""Where an input that broke something is kept; made when there is one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="at most this long for each target")
    parser.add_argument("--runs", type=int, default=10_000_000, help="at most this many executions of each target")
    parser.add_argument("targets", nargs="*", default=["bodies", "summaries"])
    options = parser.parse_args(arguments)
    sources = {"bodies": bodies, "summaries": summaries}
    return max(fuzz(name, sources[name].SEEDS, sources[name].TOKENS, options) for name in options.targets)


def fuzz(name: str, seeds: Sequence[bytes], tokens: Sequence[bytes], options: argparse.Namespace) -> int:
    """One target in a process of its own, which libFuzzer may end as it likes."""
    with TemporaryDirectory() as folder:
        corpus, dictionary = Path(folder, "corpus"), Path(folder, "tokens")
        corpus.mkdir()
        for number, seed in enumerate(seeds):
            (corpus / f"seed-{number:02}").write_bytes(seed)
        quoted = ("".join(f"\\x{byte:02x}" for byte in token) for token in tokens)
        dictionary.write_text("".join(f'"{token}"\n' for token in quoted))
        began = time.monotonic()
        child = subprocess.run(
            [
                sys.executable, "-m", "tests.fuzz.target", name, str(corpus), f"-dict={dictionary}",
                f"-runs={options.runs}", f"-max_total_time={options.seconds}", "-timeout=2", "-rss_limit_mb=1024",
                "-max_len=4096", "-print_final_stats=1", f"-artifact_prefix={folder}/finding-",
            ],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        seconds = time.monotonic() - began
        for finding in Path(folder).glob("finding-*"):
            FINDINGS.mkdir(exist_ok=True)
            shutil.copy(finding, FINDINGS / f"{name}-{finding.name}")
    executions = re.search(r"number_of_executed_units: *(\d+)", child.stderr)
    coverage = re.findall(r"cov: (\d+) ft: (\d+)", child.stderr)
    if not executions or child.returncode:
        print(child.stdout[-2000:], child.stderr[-6000:], sep="\n")
    edges, features = coverage[-1] if coverage else ("?", "?")
    print(
        f"{name}: {executions[1] if executions else '?'} executions in {seconds:.0f} s, {edges} branches "
        f"({features} features) reached, {'no crash' if child.returncode == 0 else 'CRASHED'}"
    )
    return int(child.returncode != 0)


if __name__ == "__main__":
    raise SystemExit(main())
