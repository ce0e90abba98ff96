"""Fine-tuning an encoder on the owner's pairs: three recipes, one loop, a gate on the holdout.

``tune`` is the whole of it; the asset ``tuned_encoder`` calls it. What may be learned from is decided in ``examples``, how
a recipe learns in ``recipes``, whether it helped in ``judging``, and how the result becomes an encoder in ``installing``.
"""
