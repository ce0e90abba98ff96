"""What Dagster retries and what it does not: what only the owner can mend is not tried again."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from jarvis_resources.errors import BusyError, JarvisError


@contextmanager
def explained() -> Iterator[None]:
    """Turn a ``JarvisError`` into Dagster's failure with the same sentence; only a busy file is worth a retry."""
    try:
        yield
    except JarvisError as error:
        raise dg.Failure(description=str(error), allow_retries=isinstance(error, BusyError)) from error
