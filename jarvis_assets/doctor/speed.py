"""``python -m jarvis_assets.doctor.speed SLUG``: how fast an encoder is here, as JSON; about a second.

The texts are our own exemplars, three to a text: 77 characters; turns of the public conversations have 69, the sample's 31.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from jarvis_resources.encoders import load_encoder
from jarvis_resources.settings import load_settings

_COPIES = 32
"""Times that each text is encoded: a mining finds many texts of one length to fill a batch with, so few texts must too."""
_MOST_TEXTS = 4096
_SECONDS = 0.5
"""Time to spend on the measurement itself; loading comes on top."""
_JOINED = 3


def texts(count: int) -> list[str]:
    """``count`` different texts of the length of a turn."""
    from jarvis_serving.understanding import exemplars

    said = [exemplar.text for exemplar in exemplars.triggers()]
    return ["\n".join(said[(step + 7 * part) % len(said)] for part in range(_JOINED)) for step in range(count)]


def measure(slug: str) -> dict[str, float]:
    """Texts per second of one encoder, and the peak memory of this process in MB; raises ``EncoderError``."""
    encoder = load_encoder(slug, settings=load_settings())
    first, *others = texts(1 + _MOST_TEXTS // _COPIES)
    encoder.encode([first])
    started = time.perf_counter()
    encoder.encode([first] * _COPIES)
    speed = _COPIES / (time.perf_counter() - started)
    different = min(len(others), int(speed * _SECONDS) // _COPIES)
    if different:
        started = time.perf_counter()
        encoder.encode([text for text in others[:different] for _ in range(_COPIES)])
        speed = different * _COPIES / (time.perf_counter() - started)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    return {"texts_per_second": round(speed, 1), "memory_mb": round(peak)}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
