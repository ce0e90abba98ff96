"""Gradient-boosted trees: learned by scikit-learn, kept and run as an ONNX graph.

An ONNX file holds numbers alone, so that loading one runs nothing (a pickled model could), and scoring needs neither
scikit-learn nor its version. What the features mean belongs to ``evidence`` and ``exchanges``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_resources.errors import JarvisError

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
TREES, LEAVES, LEARNING_RATE = 300, 31, 0.08
LEAST_ROWS = 40
"""Rows that a leaf rests on at least."""
RIDGE = 1.0
"""L2 penalty of leaf values (scikit-learn's ``l2_regularization``)."""


@dataclass(frozen=True)
class Forest:
    """Trees over named features; ``graph`` is the serialised ONNX model."""

    features: tuple[str, ...]
    graph: bytes

    @classmethod
    def fit(
        cls,
        features: tuple[str, ...],
        rows: NDArray[np.float32],
        positive: NDArray[np.bool_],
        weight: NDArray[np.float32],
        *,
        trees: int = TREES,
    ) -> Forest:
        """Trees that tell ``positive`` rows [k] of ``rows`` [k, features] from the others, by log-loss."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=trees,
            learning_rate=LEARNING_RATE,
            max_leaf_nodes=LEAVES,
            min_samples_leaf=LEAST_ROWS,
            l2_regularization=RIDGE,
            early_stopping=False,
            random_state=0,
        ).fit(rows, positive, sample_weight=weight)
        return cls(features, _as_onnx(model, len(features)))

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-odds of each row: float32 [k]."""
        if len(rows) == 0:
            return np.empty(0, dtype=np.float32)
        return np.asarray(self._session.run(None, {"rows": rows})[0], dtype=np.float32)[:, 0]

    def require(self, features: tuple[str, ...]) -> None:
        """Raise ``JarvisError`` unless the trees were learned from these very features."""
        if self.features != features:
            raise JarvisError("The reply-link model is of another version; run `jarvis mine` again to learn it anew.")

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        return onnxruntime.InferenceSession(self.graph, providers=["CPUExecutionProvider"])


def _as_onnx(model: Any, features: int) -> bytes:
    """The trees of a fitted binary ``HistGradientBoostingClassifier`` as one ``TreeEnsembleRegressor``."""
    from onnx import TensorProto, helper

    trees = [tree[0].nodes for tree in model._predictors]
    sizes = [len(nodes) for nodes in trees]
    nodes = np.concatenate(trees)
    tree = np.repeat(np.arange(len(trees)), sizes)
    number = np.concatenate([np.arange(size) for size in sizes])
    leaf = nodes["is_leaf"].astype(bool)
    # Rows are float32: x <= threshold holds as well for the next float32 at or below the threshold.
    threshold = nodes["num_threshold"].astype(np.float32)
    threshold = np.where(threshold > nodes["num_threshold"], np.nextafter(threshold, np.float32(-np.inf)), threshold)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["score"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[float(np.ravel(model._baseline_prediction)[0])],
        nodes_treeids=tree.tolist(),
        nodes_nodeids=number.tolist(),
        nodes_featureids=np.where(leaf, 0, nodes["feature_idx"]).tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values=np.where(leaf, 0.0, threshold).tolist(),
        nodes_truenodeids=np.where(leaf, 0, nodes["left"]).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, nodes["right"]).tolist(),
        target_treeids=tree[leaf].tolist(),
        target_nodeids=number[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()),
        target_weights=nodes["value"][leaf].tolist(),
    )
    graph = helper.make_graph(
        [node],
        "reply-links",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())
