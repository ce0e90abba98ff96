"""How fast an encoder is on this machine: ``python -m jarvis_resources.encoders.timing SLUG BACKEND PRECISION SECONDS``.

Measured in a process of its own, so that its peak memory is known, what a backend imports goes with it, and one that breaks
takes nothing down. Texts to encode come from standard input as a JSON list, else they are ``PROBE_TEXTS``.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles

from jarvis_resources.encoders.probe_texts import PROBE_TEXTS
from jarvis_resources.encoders.registry import Backend, Precision
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings, load_settings

_COPIES = 8
"""Times that each probe text is encoded in a pass: a mining finds texts of one length to fill a batch with, so must this."""
_FEWEST = 16
"""Texts in a pass, at least."""
_SINGLES = 60
"""Texts encoded one by one; their median is stable to a few percent."""
_WAIT_SECONDS = 120
"""A measurement that takes this much longer than asked is given up."""


@dataclass(frozen=True)
class Timing:
    """What one encoder costs on one machine."""

    load_seconds: float
    texts_per_second: float
    single_text_ms: float
    """Median of one text at a time."""
    single_text_p95_ms: float
    peak_mb: float
    """Peak memory of the process that did nothing else (10⁶ bytes)."""


def timed(
    slug: str,
    backend: Backend,
    precision: Precision,
    seconds: float,
    settings: Settings,
    texts: Sequence[str] | None = None,
) -> Timing:
    """Time an encoder for about ``seconds`` after it is loaded, in a process of its own.

    Raises ``EncoderError`` with the backend's own sentence where it cannot run, and with ours where it breaks.
    """
    command = [sys.executable, "-m", "jarvis_resources.encoders.timing", slug, backend, precision, str(seconds)]
    environment = {**os.environ, "JARVIS_HOME": str(settings.home), "JARVIS_THREADS": str(settings.threads)}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(list(texts or ())),
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds + _WAIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EncoderError(
            f"{slug} on {backend} could not be timed in {seconds + _WAIT_SECONDS:.0f} s; choose another, or run again when the machine is idle."
        ) from None
    if done.returncode or not done.stdout.strip():  # what a library says of it may hold texts, so it is not passed on
        raise EncoderError(f"{slug} on {backend} broke while it was timed (code {done.returncode}); choose another.")
    answer = json.loads(done.stdout.splitlines()[-1])
    if "error" in answer:
        raise EncoderError(answer["error"])
    return Timing(**answer)


def _measure(slug: str, backend: str, precision: str, seconds: float, texts: Sequence[str]) -> Timing:
    """The measurement itself, in this process."""
    from jarvis_resources.encoders import load_encoder

    started = time.perf_counter()
    encoder = load_encoder(slug, backend, precision, settings=load_settings())
    encoder.encode(["warm up"])
    loaded = time.perf_counter() - started
    singles: list[float] = []
    until = time.perf_counter() + seconds / 5
    for text in islice(cycle(texts), _SINGLES):
        started = time.perf_counter()
        encoder.encode([text])
        singles.append(time.perf_counter() - started)
        if started > until and len(singles) > 1:
            break
    texts = texts[: max(_FEWEST, int(4 * seconds / median(singles)))]  # a slow encoder gets fewer
    rates: list[float] = []
    until = time.perf_counter() + 4 * seconds / 5
    while not rates or time.perf_counter() < until:
        started = time.perf_counter()
        encoder.encode(texts)
        rates.append(len(texts) / (time.perf_counter() - started))
    return Timing(
        load_seconds=loaded,
        texts_per_second=median(rates),
        single_text_ms=1000 * median(singles),
        single_text_p95_ms=1000 * quantiles(singles, n=20)[-1],
        peak_mb=_peak_bytes() / 1e6,
    )


def _peak_bytes() -> int:
    """Peak memory of this program. On Linux getrusage also counts what the process was before it became this program."""
    status = Path("/proc/self/status")
    if status.is_file():
        return 1024 * int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print one measurement as JSON, or the sentence that says why there is none."""
    slug, backend, precision, seconds = sys.argv[1:]
    given = json.loads(sys.stdin.read() or "[]")
    try:
        found = asdict(_measure(slug, backend, precision, float(seconds), given or list(PROBE_TEXTS) * _COPIES))
    except EncoderError as error:
        found = {"error": str(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
