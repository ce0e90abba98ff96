"""Fetching an encoder: huggingface_hub's real client against a hub on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jarvis_resources.encoders import encoder_fingerprint, fetch, get_card, load_encoder, pins
from jarvis_resources.encoders.backends import runs_here
from jarvis_resources.encoders.registry import Backend
from jarvis_resources.errors import BusyError, EncoderError
from jarvis_resources.settings import Settings
from tests.encoders.hub import Hub, running_hub
from tests.encoders.tiny_bert import PACKAGED, WIDTH, flip_byte, write_bert

FIRST, SECOND = "1" * 40, "2" * 40
ROW = f'[[encoder]]\nslug = "tiny"\nhub_name = "me/tiny"\ndimension = {WIDTH}\n'


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, and huggingface_hub told to use it."""
    with running_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("NO_PROXY", "*")
        yield hub


@pytest.fixture
def tiny(hub: Hub, settings: Settings, tmp_path: Path) -> Path:
    """The folder behind me/tiny on the hub, of which a row of the owner's tells."""
    folder = write_bert(tmp_path / "hub" / "tiny")
    for name in ("tokenizer_config.json", "modules.json"):
        shutil.copyfile(PACKAGED / name, folder / name)
    shutil.copytree(PACKAGED / "1_Pooling", folder / "1_Pooling")
    (folder / "pytorch_model.bin").write_bytes(b"never fetched")
    (folder / "README.md").write_text("never fetched")
    hub.repositories["me/tiny"] = [(FIRST, folder)]
    (settings.home / "encoders.toml").write_text(ROW)
    return folder


def test_what_was_fetched_is_loaded_and_gives_the_authors_vectors(tiny: Path, settings: Settings) -> None:
    found = fetch.fetch("tiny", settings)
    vectors = load_encoder("tiny", "onnx", settings=settings).encode(["hello", "see you"])
    assert found.revision == FIRST
    assert found.downloaded_bytes == found.size_bytes > 1_000_000
    assert vectors.shape == (2, WIDTH)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert found.notes == ()


def test_only_the_files_that_the_card_needs_are_fetched_and_recorded(hub: Hub, tiny: Path, settings: Settings) -> None:
    folder = fetch.fetch("tiny", settings).folder
    kept = {"config.json", "tokenizer.json", "model.safetensors", "tokenizer_config.json"}
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*")} == {*kept, pins.NAME}
    recorded = pins.read(folder)
    assert recorded is not None
    assert set(recorded.files) == kept
    assert recorded.revision == FIRST
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not any("pytorch_model.bin" in path or "README" in path for _host, path, _range, _auth in hub.requests)
    assert [path.name for path in settings.encoder_cache.iterdir() if path.name != ".tiny.lock"] == ["tiny"]


def test_progress_grows_to_the_whole(tiny: Path, settings: Settings) -> None:
    told: list[tuple[int, int]] = []
    found = fetch.fetch("tiny", settings, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (found.size_bytes, found.size_bytes)
    assert len(told) > 4  # the weights do not come in one step


def test_what_is_here_is_not_fetched_again(hub: Hub, tiny: Path, settings: Settings) -> None:
    fetch.fetch("tiny", settings)
    hub.requests.clear()
    again = fetch.fetch("tiny", settings)
    assert (again.downloaded_bytes, again.revision, hub.requests) == (0, FIRST, [])


def test_the_packaged_default_is_here(hub: Hub, settings: Settings) -> None:
    found = fetch.fetch("all-minilm-l6-v2", settings)
    assert (found.folder, found.revision, found.downloaded_bytes, hub.requests) == (PACKAGED, None, 0, [])


def test_the_first_fetch_pins_the_commit(hub: Hub, tiny: Path, settings: Settings, tmp_path: Path) -> None:
    fingerprint = _fetched_fingerprint(settings)
    newer = shutil.copytree(tiny, tmp_path / "hub" / "newer")
    write_bert(newer, seed=1)
    hub.repositories["me/tiny"].append((SECOND, newer))
    flip_byte(settings.encoder_cache / "tiny" / "model.safetensors")
    with pytest.raises(
        EncoderError, match=r"model\.safetensors of the encoder tiny .*; run `jarvis encoders fetch tiny`"
    ):
        load_encoder("tiny", settings=settings)
    assert _fetched_fingerprint(settings) == fingerprint
    assert fetch.fetch("tiny", settings, revision="main").revision == SECOND
    assert load_encoder("tiny", settings=settings).fingerprint != fingerprint
    assert fetch.fetch("tiny", settings, revision=FIRST).revision == FIRST
    assert load_encoder("tiny", settings=settings).fingerprint == fingerprint


def test_a_row_that_pins_another_commit_brings_that_one(
    hub: Hub, tiny: Path, settings: Settings, tmp_path: Path
) -> None:
    older = write_bert(tmp_path / "hub" / "older", seed=2)
    hub.repositories["me/tiny"].insert(0, (SECOND, older))
    assert fetch.fetch("tiny", settings).revision == FIRST
    (settings.home / "encoders.toml").write_text(ROW + f'revision = "{SECOND}"\n')
    assert fetch.fetch("tiny", settings).revision == SECOND
    with pytest.raises(EncoderError, match="The row of tiny pins the revision 2222"):
        fetch.fetch("tiny", settings, revision=FIRST)


def test_a_repository_cannot_write_outside_its_folder(hub: Hub, tiny: Path, settings: Settings) -> None:
    outside = tiny.parent / "outside" / "config.json"
    outside.parent.mkdir()
    outside.write_text("{}")
    hub.names = {outside: "../../../outside/config.json"}
    modules = [{"path": "../../../outside", "type": "sentence_transformers.models.Pooling"}]
    (tiny / "modules.json").write_text(json.dumps(modules))
    fetch.fetch("tiny", settings)
    assert not (settings.home.parent / "outside").exists()
    assert not (settings.home / "outside").exists()


def _fetched_fingerprint(settings: Settings) -> str:
    fetch.fetch("tiny", settings)
    return load_encoder("tiny", settings=settings).fingerprint


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "tokenizer_config.json"])
def test_a_flipped_byte_after_the_fetch_is_refused_and_fetched_again(tiny: Path, settings: Settings, name: str) -> None:
    folder = fetch.fetch("tiny", settings).folder
    flip_byte(folder / name, at=-10)
    sentence = rf"^{re.escape(name)} of the encoder tiny .* is damaged .*; run `jarvis encoders fetch tiny`\.$"
    with pytest.raises(EncoderError, match=sentence):
        load_encoder("tiny", settings=settings)
    fetch.fetch("tiny", settings)
    assert load_encoder("tiny", settings=settings)


def test_a_killed_fetch_goes_on_where_it_stopped(hub: Hub, tiny: Path, settings: Settings) -> None:
    hub.stop_after = 3_000_000
    command = [sys.executable, "-m", "jarvis_assets.cli", "encoders", "fetch", "tiny"]
    child = subprocess.Popen(command)
    part = settings.encoder_cache / ".tiny.fetch"
    deadline = time.monotonic() + 60
    while sum(path.stat().st_size for path in part.rglob("*.part")) < 2_000_000:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.02)
    with pytest.raises(BusyError, match="tiny is being fetched already"):
        fetch.fetch("tiny", settings)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = sum(path.stat().st_size for path in part.rglob("*.part"))
    hub.stop_after = None
    hub.requests.clear()
    found = fetch.fetch("tiny", settings)
    assert hub.large_requests() == [f"bytes={kept}-"]
    assert 0 < found.downloaded_bytes <= found.size_bytes - kept
    assert load_encoder("tiny", settings=settings)


def test_a_connection_that_breaks_is_taken_up_again(hub: Hub, tiny: Path, settings: Settings) -> None:
    hub.break_after = 2_000_000
    fetching = _in_a_moment(lambda: setattr(hub, "break_after", None))
    found = fetch.fetch("tiny", settings)
    fetching.join()
    assert hub.large_requests()[0] is None
    assert hub.large_requests()[-1] == "bytes=2000000-"
    assert found.downloaded_bytes == found.size_bytes


def _in_a_moment(action):  # type: ignore[no-untyped-def]
    import threading

    timer = threading.Timer(0.5, action)
    timer.start()
    return timer


def test_a_damaged_download_is_refused_and_nothing_of_it_stays(hub: Hub, tiny: Path, settings: Settings) -> None:
    hub.damage = True
    with pytest.raises(EncoderError, match=r"tokenizer\.json|model\.safetensors") as error:
        fetch.fetch("tiny", settings)
    assert "was damaged on its way; run the same command again" in str(error.value)
    assert not (settings.encoder_cache / "tiny").exists()
    hub.damage = False
    assert fetch.fetch("tiny", settings).revision == FIRST


def test_a_damaged_rest_of_a_killed_fetch_does_not_pass(hub: Hub, tiny: Path, settings: Settings) -> None:
    digest = pins.sha256(tiny / "model.safetensors")
    part = settings.encoder_cache / ".tiny.fetch" / f".model.safetensors.{digest[:12]}.part"
    part.parent.mkdir()
    part.write_bytes(b"\0" * 1_000_000)
    with pytest.raises(EncoderError, match="was damaged on its way"):
        fetch.fetch("tiny", settings)
    part.write_bytes(b"\0" * 9_000_000)  # longer than the file
    assert fetch.fetch("tiny", settings).revision == FIRST


def test_the_token_goes_to_the_hub_and_not_to_where_it_sends_us(
    hub: Hub, tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch.fetch("tiny", settings)
    assert {authorization for host, *_rest, authorization in hub.requests if host == "localhost"} == {None}
    assert "Bearer hf_secret" in {authorization for host, *_rest, authorization in hub.requests if host == "127.0.0.1"}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("missing", r"no repository me/tiny that is open to you; check the name, or put a token into HF_TOKEN"),
        ("gated", r"me/tiny is gated: accept its licence at https://huggingface\.co/me/tiny, then put a token"),
        ("revision", r"me/tiny has no revision nonsense; give another with --revision"),
        ("busy", r"answered with status 503 for me/tiny; wait a little and run `jarvis encoders fetch tiny` again"),
        ("forbidden", r"answered with status 403 for me/tiny; put a valid token into HF_TOKEN"),
        ("pickle", r"me/tiny has its weights only in a pickled file, which could run code when read"),
        ("shards", r"me/tiny keeps its weights in several files"),
        ("tokenizer", r"me/tiny has no tokenizer\.json, which JARVIS needs"),
        ("dimension", rf"me/tiny makes vectors of {WIDTH} numbers, and the card of tiny says 7"),
        ("dense", r"has a layer after its pooling \(Dense\) that the row of tiny does not know; add `pipeline = true`"),
        ("hash", r"The weights of me/tiny at 1{12} are not those that the card of tiny pins"),
        ("junk", r"model\.safetensors of me/tiny is not safetensors"),
    ],
)
def test_each_fault_is_one_sentence(hub: Hub, tiny: Path, settings: Settings, fault: str, sentence: str) -> None:
    row, revision = ROW, None
    if fault == "missing":
        hub.repositories.clear()
    elif fault == "gated":
        hub.gated.add("me/tiny")
    elif fault == "revision":
        revision = "nonsense"
    elif fault in ("busy", "forbidden"):
        hub.status = 503 if fault == "busy" else 403
    elif fault in ("pickle", "shards"):
        (tiny / "model.safetensors").unlink()
        if fault == "shards":
            (tiny / "model.safetensors.index.json").write_text("{}")
    elif fault == "tokenizer":
        (tiny / "tokenizer.json").unlink()
    elif fault == "dimension":
        row = row.replace(str(WIDTH), "7")
    elif fault == "dense":
        modules = json.loads((tiny / "modules.json").read_text())
        dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
        (tiny / "modules.json").write_text(json.dumps([*modules[:2], dense]))
    elif fault == "hash":
        row += f'weights_sha256 = "{"0" * 64}"\n'
    elif fault == "junk":
        (tiny / "model.safetensors").write_bytes(b"\0" * 2_000_000)
    (settings.home / "encoders.toml").write_text(row)
    with pytest.raises(EncoderError, match=sentence):
        fetch.fetch("tiny", settings, revision=revision)
    assert not (settings.encoder_cache / "tiny").exists()


def test_no_network_is_one_sentence(tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(EncoderError, match=r"hub cannot be reached \(ConnectError\); check the connection and run"):
            fetch.fetch("tiny", settings)


def test_a_disk_with_too_little_room_is_one_sentence(
    tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_SPARE_BYTES", 10**18)
    with pytest.raises(EncoderError, match=r"The disk has too little room for \d MB; free [\d,]+ MB and run again"):
        fetch.fetch("tiny", settings)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_that_fills_on_the_way_is_one_sentence(
    tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = pins.sha256(tiny / "model.safetensors")
    part = settings.encoder_cache / ".tiny.fetch" / f".model.safetensors.{digest[:12]}.part"
    part.parent.mkdir()
    part.symlink_to("/dev/full")
    with pytest.raises(EncoderError, match=r"The disk is full; free some space and run `jarvis encoders fetch tiny`"):
        fetch.fetch("tiny", settings)


def test_a_folder_that_may_not_be_written_is_one_sentence(
    tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.encoder_cache / ".tiny.fetch").write_text("in the way")
    with pytest.raises(EncoderError, match=r"Cannot write .*tiny \(.+\); check its permissions"):
        fetch.fetch("tiny", settings)


@pytest.mark.parametrize(
    ("slug", "sentence"),
    [
        ("minilm-static", "is not fetched: it is distilled here from all-minilm-l6-v2"),
        ("minilm-tuned", "is not fetched: it is made here"),
        ("word2vec", "There is no encoder 'word2vec'"),
    ],
)
def test_what_does_not_come_from_the_hub_says_so(settings: Settings, slug: str, sentence: str) -> None:
    with pytest.raises(EncoderError, match=sentence):
        fetch.fetch(slug, settings)


def test_another_pooling_than_the_authors_is_told(tiny: Path, settings: Settings) -> None:
    (settings.home / "encoders.toml").write_text(ROW + 'pooling = "cls"\n')
    assert fetch.fetch("tiny", settings).notes == ("Its authors pool by mean, and the card of tiny says cls.",)


def test_a_pipeline_brings_its_layers(hub: Hub, tiny: Path, settings: Settings) -> None:
    config = f'{{"word_embedding_dimension": {WIDTH}, "pooling_mode_mean_tokens": true}}'
    (tiny / "1_Pooling" / "config.json").write_text(config)
    (settings.home / "encoders.toml").write_text(ROW + "pipeline = true\n")
    folder = fetch.fetch("tiny", settings).folder
    assert (folder / "1_Pooling" / "config.json").read_text() == config
    assert get_card("tiny", settings).backends == ("sentence-transformers",)
    assert load_encoder("tiny", settings=settings).encode(["hi"]).shape == (1, WIDTH)
    before = encoder_fingerprint("tiny", settings=settings)
    flip_byte(folder / "1_Pooling" / "config.json", at=-10)
    with pytest.raises(EncoderError, match=r"1_Pooling/config\.json of the encoder tiny .* is damaged"):
        load_encoder("tiny", settings=settings)
    (folder / pins.NAME).unlink()
    assert encoder_fingerprint("tiny", settings=settings) != before


@pytest.mark.parametrize(
    "module", [{"path": "../..", "type": "sentence_transformers.models.Dense"}, {"path": "x", "type": "os.system"}, {}]
)
def test_a_pipeline_that_asks_for_more_than_layers_is_refused(
    tiny: Path, settings: Settings, module: dict[str, str]
) -> None:
    (settings.home / "encoders.toml").write_text(ROW + "pipeline = true\n")
    (tiny / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(EncoderError, match=r"modules\.json (asks for layers that JARVIS does not run|is damaged)"):
        fetch.fetch("tiny", settings)


ENCODE = """
import sys
opened = []
sys.addaudithook(lambda event, _: event.startswith("socket.") and opened.append(event))
from jarvis_resources.encoders import load_encoder
for slug in sys.argv[1:]:
    load_encoder(slug).encode(["see you at seven"])
assert not opened, opened
"""


@pytest.mark.parametrize(
    "backends",
    [("onnx", "mlx"), pytest.param(("sentence-transformers", "static"), marks=pytest.mark.slow)],
    ids="-".join,
)
def test_loading_and_encoding_never_open_a_socket(settings: Settings, backends: tuple[Backend, ...]) -> None:
    write_bert(settings.home / "tiny")
    for backend in backends:
        source = 'distilled_from = "of-onnx"' if backend == "static" else 'folder = "tiny"'
        row = f'[[encoder]]\nslug = "of-{backend}"\n{source}\ndimension = {WIDTH}\nbackends = ["{backend}"]\n'
        with open(settings.home / "encoders.toml", "a") as file:
            file.write(row)
    if "onnx" not in backends:
        with open(settings.home / "encoders.toml", "a") as file:
            file.write(f'[[encoder]]\nslug = "of-onnx"\nfolder = "tiny"\ndimension = {WIDTH}\n')
    slugs = [f"of-{backend}" for backend in backends if runs_here(backend)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    done = subprocess.run(
        [sys.executable, "-c", ENCODE, *slugs], env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
