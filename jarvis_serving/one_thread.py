"""Small matrix products on one core.

A product of a hundred replies takes a fraction of a millisecond. Split between threads it takes longer, and on a busy machine
fifty times as long, because the threads wait for each other by spinning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def one_thread() -> Iterator[None]:
    """While it lasts, NumPy's products run on one thread in this process; 20 microseconds to enter and leave."""
    with _blas().limit(limits=1):
        yield


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
