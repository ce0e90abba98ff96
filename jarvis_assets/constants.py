"""Names and policies that several stages share; each says why it is what it is."""

import dagster as dg

OWNERS = ["team:founders"]

MODEL_POOL = "model"
"""Assets that hold a model or a large array in memory take turns: an 8 GB machine fits one at a time."""

READ_RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
"""Messages may be writing while we read; a moment later it has usually finished. A missing permission is not
retried: those errors are turned into ``dg.Failure(allow_retries=False)`` where they arise."""
