"""An embedding asset is made in shards: each tried again by itself, and none of them sees more than its own texts."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
from upath import UPath

from jarvis_assets import progress
from jarvis_assets.vectors import assets as vectors
from jarvis_assets.vectors import shards
from jarvis_resources.asset_files import asset_path, read_asset
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.encoders import Encoder, compaction, encoder_fingerprint, load_encoder
from jarvis_resources.io_managers import asset_storages
from jarvis_resources.settings import Settings, load_settings

ENCODER = "all-minilm-l6-v2"
PART_TEXTS = 8
TEXTS = [f"secret message number {i % 90}" for i in range(100)]
"""90 different ones, of which ten come twice: twelve parts, three shards."""


@dg.asset(io_manager_key="memory")
def turns() -> pd.DataFrame:
    """Stands for the table."""
    return pd.DataFrame({"text": TEXTS})


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("JARVIS_SHARD_TEXTS", str(PART_TEXTS))
    return load_settings().prepare()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def make(instance: dg.DagsterInstance, *others: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    """Make the turn vectors, and what stands after them."""
    resources = {"jarvis": JarvisSettings(), "memory": dg.InMemoryIOManager(), **asset_storages()}
    assets = [turns, vectors.turn_vectors, *others]
    return dg.materialize(assets, resources=resources, instance=instance, raise_on_error=False)


def started(result: dg.ExecuteInProcessResult) -> Counter[str]:
    """How often each step was started or taken up again."""
    return Counter(
        str(event.step_key) for event in result.all_events if event.event_type_value in ("STEP_START", "STEP_RESTARTED")
    )


def facts(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    [made] = result.asset_materializations_for_node("turn_vectors.collect_turn_vectors")
    return {name: value.value for name, value in made.metadata.items()}


def handoffs(settings: Settings) -> list[Path]:
    return [path for path in (Path(settings.assets_root) / ".handoff").rglob("*") if path.is_file()]


class Watched:
    """A real encoder that remembers what it was given, and fails when it is told to."""

    def __init__(self, encoder: Encoder, fails: Callable[[Sequence[str]], bool]) -> None:
        self.slug, self.backend, self.precision = encoder.slug, encoder.backend, encoder.precision
        self.dimension, self.fingerprint = encoder.dimension, encoder.fingerprint
        self.seen: list[str] = []
        self._encoder, self._fails = encoder, fails

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        if self._fails(texts):
            raise RuntimeError("a passing fault")
        self.seen += texts
        return self._encoder.encode(texts, progress)


@pytest.fixture
def watch(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Watched]:
    """Puts a watched encoder in the place of the held one."""

    def put(fails: Callable[[Sequence[str]], bool] = lambda _texts: False) -> Watched:
        watched = Watched(load_encoder(ENCODER, settings=settings), fails)
        monkeypatch.setattr(shards, "held_encoder", lambda *_: watched)
        return watched

    return put


def test_every_row_gets_the_vector_of_its_text(settings: Settings, instance: dg.DagsterInstance) -> None:
    result = make(instance)
    assert result.success
    found = read_asset(settings.assets_root, "turn_vectors", "array")
    assert np.array_equal(found, load_encoder(ENCODER).encode(TEXTS).astype(np.float16))
    assert started(result)["turn_vectors.collect_turn_vectors"] == 1
    told = facts(result)
    assert (told["vectors"], told["new_texts"], told["reused_texts"], told["shards"]) == (100, 90, 0, 3)
    assert (told["backend"], told["precision"]) == ("onnx", "fp32")
    assert told["fingerprint"] == encoder_fingerprint(ENCODER)
    assert told["texts_per_second"] > 0


def test_a_shard_that_fails_once_is_tried_again_alone(
    settings: Settings, instance: dg.DagsterInstance, watch: Callable[..., Watched]
) -> None:
    faults = iter([True])
    watched = watch(lambda texts: "secret message number 81" in texts and next(faults, False))
    result = make(instance)
    assert result.success
    again = [str(event.step_key) for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert again == ["turn_vectors.embed_turn_vectors[02]"]
    assert {step: count for step, count in started(result).items() if count > 1} == {again[0]: 2}
    assert Counter(watched.seen) == Counter(dict.fromkeys(TEXTS, 1)), "no text is embedded twice, nor by two shards"


def test_where_nothing_is_new_there_is_no_shard_and_no_encoder(
    settings: Settings, instance: dg.DagsterInstance, watch: Callable[..., Watched]
) -> None:
    first = make(instance)
    watched = watch()
    second = make(instance)
    assert second.success
    assert started(second).keys() == {
        "turns", "turn_vectors.plan_turn_vectors", "turn_vectors.collect_turn_vectors",
    }  # fmt: skip
    assert watched.seen == []
    told = facts(second)
    assert (told["new_texts"], told["reused_texts"], told["shards"]) == (0, 90, 0)
    assert facts(first)["fingerprint"] == told["fingerprint"]


def test_a_damaged_part_is_named_and_only_its_texts_are_embedded_again(
    settings: Settings, instance: dg.DagsterInstance, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "MOST_SMALL", len(TEXTS))
    make(instance)
    before = np.array(read_asset(settings.assets_root, "turn_vectors", "array"))
    victim = sorted(settings.vectors.rglob("*.parquet"))[7]
    content = bytearray(victim.read_bytes())
    content[200] ^= 4
    victim.write_bytes(content)
    watched = watch()
    result = make(instance)
    assert result.success
    assert facts(result)["damaged_parts"] == victim.name
    assert sorted(watched.seen) == sorted(f"secret message number {i}" for i in range(7 * PART_TEXTS, 8 * PART_TEXTS))
    assert np.array_equal(read_asset(settings.assets_root, "turn_vectors", "array"), before)


def test_what_the_steps_hand_each_other_holds_no_text_is_private_and_goes_away(
    settings: Settings, instance: dg.DagsterInstance, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "collect", lambda *_: (_ for _ in ()).throw(RuntimeError("stopped before the end")))
    assert not make(instance).success
    left = handoffs(settings)
    assert len(left) == 1 + 3 + 3
    for path in left:
        assert b"secret" not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
    monkeypatch.undo()
    monkeypatch.setenv("JARVIS_HOME", str(settings.home))
    for folder in (Path(settings.assets_root) / ".handoff").iterdir():
        os.utime(folder, (0, 0))
    assert make(instance).success
    assert handoffs(settings) == []


def test_assets_may_lie_in_an_object_store(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JARVIS_ASSETS", "memory://shards/assets")
    assert make(instance, later).success
    found = read_asset("memory://shards/assets", "turn_vectors", "array")
    assert np.array_equal(found, load_encoder(ENCODER).encode(TEXTS).astype(np.float16))
    files = sorted(path.path for path in UPath("memory://shards/assets").rglob("*") if path.is_file())
    assert files == ["/shards/assets/turn_vectors.npy", "/shards/assets/turn_vectors.npy.made-by"]


@pytest.mark.parametrize("new", [0, 1, 2048, 8192, 8193, 100_000, 1_000_000, 7_654_321])
@pytest.mark.parametrize("part_texts", [1, 128, 2048])
def test_shards_are_few_and_hold_whole_parts(new: int, part_texts: int) -> None:
    size = shards.shard_size(new, part_texts)
    assert size % part_texts == 0
    assert -(-new // size) <= shards.MOST_SHARDS
    assert size >= shards.FEWEST_PARTS * part_texts


def test_progress_counts_on_from_shard_to_shard(settings: Settings, instance: dg.DagsterInstance) -> None:
    heard: list[tuple[str, int, int]] = []
    progress.listen(lambda *told: heard.append(told))
    try:
        make(instance)
    finally:
        progress.listen(None)
    assert {(label, total) for label, _, total in heard} == {("embedding turns", 90)}
    done = [count for _, count, _ in heard]
    assert (done[0], done[-1]) == (0, 90)
    assert done == sorted(done)


@dg.asset
def later(turn_vectors: np.ndarray) -> None:
    """Stands for any step that uses the vectors."""


def test_a_later_step_refuses_vectors_of_an_encoder_that_is_another_now(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    assert make(instance, later).success
    note = asset_path(settings.assets_root, "turn_vectors", "array")
    note = note.with_name(f"{note.name}.made-by")
    told = json.loads(note.read_text())
    assert told == {
        "encoder": ENCODER, "fingerprint": encoder_fingerprint(ENCODER), "backend": "onnx", "precision": "fp32",
    }  # fmt: skip
    for content, sentence in (
        ({**told, "fingerprint": "f" * 16}, "weights, backend or precision are others now; run `jarvis mine --encoder"),
        ({}, "turn_vectors was not finished by the run that made it; run `jarvis mine` again."),
    ):
        note.write_text(json.dumps(content))
        result = dg.materialize(
            [vectors.turn_vectors, turns, later], selection=["later"], instance=instance, raise_on_error=False,
            resources={"jarvis": JarvisSettings(), "memory": dg.InMemoryIOManager(), **asset_storages()},
        )  # fmt: skip
        assert not result.success
        [failure] = [event for event in result.all_events if event.is_step_failure]
        assert sentence in str(failure.step_failure_data.error)
    note.unlink()  # as of a version that kept none
    assert make(instance, later).success
