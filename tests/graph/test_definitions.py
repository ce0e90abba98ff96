"""The graph as a whole: it loads, and it is the graph of the design."""

from __future__ import annotations

import dagster as dg
import pytest

from jarvis_assets import jobs
from jarvis_assets.definitions import build_defs, defs
from jarvis_resources import tables

CORPUS = {
    "chat_db_snapshot", "messages", "people", "conversations", "contact_profiles", "turns", "turn_vectors", "gold_pairs",
    "semantic_pairs", "pairs", "pair_splits", "gold_pair_review", "suggestion_feedback",
}  # fmt: skip
BY_ENCODER = {
    "pair_vectors", "trigger_index", "response_topics", "dialogue_act_model", "dialogue_acts", "router_calibration",
    "holdout_evaluation", "reply_templates",
}  # fmt: skip
ACROSS = {"encoder_comparison", "serving_release"}
BY_HAND = {"tuned_encoder"}


@pytest.fixture(scope="module")
def graph() -> dg.AssetGraph:
    return defs.resolve_asset_graph()


def names(keys) -> set[str]:
    return {key.path[-1] for key in keys}


def test_the_definitions_load() -> None:
    dg.Definitions.validate_loadable(build_defs())


def test_the_asset_keys_are_those_of_the_design(graph) -> None:
    assert names(graph.get_all_asset_keys()) == CORPUS | BY_ENCODER | ACROSS | BY_HAND


def test_what_depends_on_the_encoder_is_partitioned_by_it_to_the_end(graph) -> None:
    partitioned = {key.path[-1] for key in graph.get_all_asset_keys() if graph.get(key).partitions_def is not None}
    assert partitioned == BY_ENCODER


def test_every_asset_is_described_grouped_owned_and_versioned(graph) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name != "default", key
        assert node.owners, key
        assert node.code_version, key
        assert node.kinds, key


@pytest.mark.parametrize(
    ("asset", "upstream"),
    [
        ("messages", {"chat_db_snapshot"}),
        ("turns", {"messages"}),
        ("turn_vectors", {"turns"}),
        ("gold_pairs", {"turns", "messages", "people", "turn_vectors"}),
        ("pairs", {"gold_pairs", "semantic_pairs", "people", "turns", "turn_vectors"}),
        ("trigger_index", {"pair_vectors"}),
    ],
)
def test_lineage_runs_as_drawn(graph, asset: str, upstream: set[str]) -> None:
    assert names(graph.get(dg.AssetKey(asset)).parent_keys) == upstream


def test_every_table_has_its_blocking_check(graph) -> None:
    generated = {key.asset_key.path[-1] for key in graph.asset_check_keys if key.name == "matches_its_declaration"}
    assert generated == set(tables.ALL)


def test_the_jobs_cover_the_graph_without_overlap(graph) -> None:
    selected = [names(selection.resolve(graph)) for selection in (jobs.CORPUS, jobs.ENCODED, jobs.RELEASED, jobs.TUNED)]
    assert selected == [CORPUS, BY_ENCODER, ACROSS, BY_HAND]


def test_no_module_pulls_a_model_library_in_while_the_graph_loads() -> None:
    import subprocess
    import sys

    code = (
        "import sys, jarvis_assets.definitions as d; "
        "print(sorted({'torch', 'umap', 'hdbscan', 'sentence_transformers', 'mlx', 'sklearn', 'onnxruntime'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert loaded.stdout.strip() == "[]"
