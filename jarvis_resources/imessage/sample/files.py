"""Attachments of the sample: names, types and sizes, without any file behind them."""

from __future__ import annotations

from random import Random

from jarvis_resources.imessage.sample.record import File, new_guid

_TYPES = (
    ("IMG_{:04d}.HEIC", "image/heic", "public.heic"),
    ("IMG_{:04d}.HEIC", "image/heic", "public.heic"),
    ("IMG_{:04d}.jpeg", "image/jpeg", "public.jpeg"),
    ("image{:04d}.gif", "image/gif", "com.compuserve.gif"),
    ("IMG_{:04d}.MOV", "video/quicktime", "com.apple.quicktime-movie"),
    ("Document{:04d}.pdf", "application/pdf", "com.adobe.pdf"),
)


def new_file(random: Random, *, sticker: bool = False) -> File:
    """An attachment of a usual type; ``sticker``: an image that lies on a message."""
    name, mime, uti = _TYPES[0] if sticker else random.choice(_TYPES)
    name = name.replace("IMG_", "sticker") if sticker else name
    size = random.randint(20_000, 6_000_000)
    return File(f"at_0_{new_guid(random)}", name.format(random.randrange(10_000)), mime, uti, size, sticker)
