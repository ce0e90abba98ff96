"""Adding an encoder is adding a row to encoders.toml; a wrong row is named."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from jarvis_resources.encoders import CARDS, cards, get_card, load_encoder, require_weights
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings
from tests.encoders.tiny_bert import WIDTH, write_bert


def _rows(settings: Settings, text: str) -> None:
    (settings.home / "encoders.toml").write_text(textwrap.dedent(text))


def test_without_a_file_there_are_only_the_built_in_encoders(settings: Settings) -> None:
    assert cards(settings) == CARDS


def test_a_row_of_three_lines_is_an_encoder(settings: Settings) -> None:
    _rows(settings, '[[encoder]]\nslug = "gte-small"\nhub_name = "thenlper/gte-small"\ndimension = 384')
    card = get_card("gte-small", settings)
    assert (card.hub_name, card.dimension, card.pooling, card.max_tokens) == ("thenlper/gte-small", 384, "mean", 256)
    assert card.revision is None
    assert card.weights_sha256 is None
    assert [*cards(settings)] == [*CARDS, "gte-small"]


def test_every_key_of_a_row_reaches_the_card(settings: Settings) -> None:
    _rows(
        settings,
        f"""
        [[encoder]]
        slug = "mine"
        hub_name = "me/mine"
        dimension = 64
        pooling = "cls"
        max_tokens = 128
        layers = 4
        licence = "MIT"
        backends = ["mlx", "onnx"]
        note = "Trained on letters."
        revision = "{"a" * 40}"
        weights_sha256 = "{"b" * 64}"
        normalise = false
        query_prefix = "query: "
        document_prefix = "passage: "
        """,
    )
    card = get_card("mine", settings)
    assert card.backends == ("mlx", "onnx")
    assert (card.revision, card.weights_sha256) == ("a" * 40, "b" * 64)
    assert (card.query_prefix, card.document_prefix, card.normalise) == ("query: ", "passage: ", False)
    assert (card.layers, card.licence, card.note) == (4, "MIT", "Trained on letters.")


def test_a_row_may_name_a_folder_and_is_encoded_by_what_its_config_allows(settings: Settings) -> None:
    write_bert(settings.home / "models" / "tiny")
    _rows(settings, f'[[encoder]]\nslug = "tiny"\nfolder = "models/tiny"\ndimension = {WIDTH}\npooling = "cls"')
    assert get_card("tiny", settings).backends[0] == "onnx"
    vectors = load_encoder("tiny", settings=settings).encode(["hello", "see you soon"])
    assert vectors.shape == (2, WIDTH)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    require_weights("tiny", settings=settings)


def test_what_is_not_known_to_be_a_bert_is_run_by_what_runs_anything(settings: Settings) -> None:
    _rows(settings, '[[encoder]]\nslug = "later"\nhub_name = "me/later"\ndimension = 384')
    assert get_card("later", settings).backends == ("sentence-transformers",)


def test_another_prefix_or_pooling_is_another_fingerprint(settings: Settings) -> None:
    folder = write_bert(settings.home / "tiny")
    row = '[[encoder]]\nslug = "{}"\nfolder = "{}"\ndimension = {}\n{}\n'
    variants = ("", 'pooling = "cls"', 'document_prefix = "query: "', "max_tokens = 64")
    _rows(settings, "".join(row.format(f"e{i}", folder, WIDTH, extra) for i, extra in enumerate(variants)))
    found = {load_encoder(f"e{i}", settings=settings).fingerprint for i in range(len(variants))}
    assert len(found) == len(variants)


GOOD = 'slug = "x"\nhub_name = "a/b"\ndimension = 3\n'


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (f"[[encoder]]\n{GOOD}dimensions = 3", r"row 1 \(x\): it has no key 'dimensions'; the keys are slug, "),
        ('[[encoder]]\nslug = "../x"\nhub_name = "a/b"\ndimension = 3', r"row 1 \(\.\./x\): slug must be lower-case"),
        ('[[encoder]]\nslug = "a..b"\nhub_name = "a/b"\ndimension = 3', r"slug must be lower-case letters"),
        ('[[encoder]]\nslug = "A|B"\nhub_name = "a/b"\ndimension = 3', r"slug must be lower-case letters"),
        ('[[encoder]]\nhub_name = "a/b"\ndimension = 3', r"row 1: it has no slug"),
        (f'[[encoder]]\n{GOOD}pooling = "max"', r"there is no pooling 'max'; choose one of mean, cls, last, static"),
        (f'[[encoder]]\n{GOOD}backends = ["cuda"]', r"its backends can be onnx, .*, not \['cuda'\]"),
        (f"[[encoder]]\n{GOOD}backends = []", r"its backends can be"),
        (f'[[encoder]]\n{GOOD}pipeline = true\nbackends = ["onnx"]', r"its backends can be sentence-transformers,"),
        (f'[[encoder]]\n{GOOD}\n[[encoder]]\n{GOOD}', r"row 2 \(x\): its slug is that of an earlier row"),
        ('[[encoder]]\nslug = "gte-tiny"\nhub_name = "a/b"\ndimension = 3', r"slug is that of an encoder of JARVIS's own"),
        ('[[encoder]]\nslug = "x"\nhub_name = "a/b"', r"it has no dimension"),
        ('[[encoder]]\nslug = "x"\nhub_name = "a/b"\ndimension = "3"', r"dimension must be a whole number, not '3'"),
        ('[[encoder]]\nslug = "x"\nhub_name = "a/b"\ndimension = true', r"dimension must be a whole number, not True"),
        ('[[encoder]]\nslug = "x"\nhub_name = "a/b"\ndimension = 0', r"dimension cannot be 0"),
        ('[[encoder]]\nslug = "x"\ndimension = 3', r"exactly one of hub_name, folder, distilled_from"),
        (f'[[encoder]]\n{GOOD}folder = "x"', r"exactly one of hub_name, folder, distilled_from"),
        ('[[encoder]]\nslug = "x"\nhub_name = "../../etc"\ndimension = 3', r"hub_name must be the name of a repository"),
        (f'[[encoder]]\n{GOOD}revision = "main"', r"revision must be a commit's 40 hex digits, not 'main'"),
        (f'[[encoder]]\n{GOOD}weights_sha256 = "12"', r"weights_sha256 must be 64 hex digits"),
        ('[[encoder]]\nslug = "x"\ndistilled_from = "y"', r"cannot be distilled from 'y'"),
        ('[[encoder]]\nslug = "x"\ndistilled_from = "potion-base-8m"', r"cannot be distilled from 'potion-base-8m'"),
        ('[[encoder]]\nslug = "x"\ndistilled_from = "x"', r"cannot be distilled from 'x'"),
        ('[[encoder]]\nslug = "x"\ndistilled_from = "gte-tiny"\ndimension = 385', r"its dimension, 385, is more than the 384"),
        ("[[encoder]\n", r"encoders\.toml is not valid TOML \(.*line 1.*\); mend or remove it"),
        (f"[[encoders]]\n{GOOD}", r"may hold nothing but \[\[encoder\]\] tables"),
        ('encoder = "x"', r"may hold nothing but \[\[encoder\]\] tables"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_one_sentence_that_names_file_and_row(settings: Settings, rows: str, sentence: str) -> None:
    _rows(settings, rows)
    with pytest.raises(EncoderError, match=sentence) as error:
        cards(settings)
    assert str(settings.home / "encoders.toml") in str(error.value)


def test_a_wrong_row_does_not_stop_the_built_in_encoders(settings: Settings) -> None:
    _rows(settings, "[[encoder]\n")
    assert get_card("all-minilm-l6-v2", settings).slug == "all-minilm-l6-v2"


def test_an_unknown_encoder_is_told_the_owners_too(settings: Settings) -> None:
    _rows(settings, f"[[encoder]]\n{GOOD}")
    with pytest.raises(EncoderError, match=r"choose one of: all-minilm-l6-v2, .*, x\."):
        load_encoder("word2vec", settings=settings)


def test_a_row_becomes_a_partition_of_the_graph(settings: Settings) -> None:
    _rows(settings, f"[[encoder]]\n{GOOD}")
    code = (
        "import json; from jarvis_assets.partitions import ENCODERS; print(json.dumps(ENCODERS.get_partition_keys()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(json.loads(found.stdout)) == {*CARDS, "x"}


def test_the_command_line_prints_the_sentence_and_nothing_else(settings: Settings) -> None:
    _rows(settings, "[[encoder]]\n")
    done = subprocess.run(
        [sys.executable, "-m", "jarvis_assets.cli", "encoders"], capture_output=True, text=True, check=False
    )
    assert done.returncode == EncoderError.exit_code
    assert done.stderr.startswith(f"jarvis: {settings.home / 'encoders.toml'}, row 1: it has no slug.")
    assert done.stderr.count("\n") == 1
