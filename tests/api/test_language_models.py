"""A folder becomes a language model, or one sentence that says what is missing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_model import TAUGHT

from jarvis_resources.errors import LanguageModelError
from jarvis_resources.language_models import load_language_model


def test_mlx_lm_runs_the_folder_through_its_chat_template(tiny_model: Path):
    model = load_language_model(tiny_model)
    assert model.name == "tiny"
    assert model.generate("Want to grab lunch tomorrow?", max_tokens=20, deadline_seconds=30) == TAUGHT


def test_model_without_a_chat_template_still_continues_the_prompt(tiny_model: Path, tmp_path: Path):
    folder = Path(shutil.copytree(tiny_model, tmp_path / "plain"))
    (folder / "chat_template.jinja").unlink()
    answer = load_language_model(folder).generate("hello", max_tokens=4, deadline_seconds=30)
    assert isinstance(answer, str)


def test_same_prompt_gives_the_same_text(tiny_model: Path):
    model = load_language_model(tiny_model)
    answers = {model.generate("something it never saw", max_tokens=12, deadline_seconds=30) for _ in range(3)}
    assert len(answers) == 1


def test_number_of_tokens_is_bounded(tiny_model: Path):
    answer = load_language_model(tiny_model).generate("Want to grab lunch tomorrow?", max_tokens=1, deadline_seconds=30)
    assert TAUGHT.startswith(answer.strip())
    assert len(answer) < len(TAUGHT)


def test_deadline_ends_in_an_error_and_never_in_half_a_reply(tiny_model: Path):
    with pytest.raises(LanguageModelError, match="had not finished after 0 seconds"):
        load_language_model(tiny_model).generate("Want to grab lunch tomorrow?", max_tokens=50, deadline_seconds=0)


def test_folder_that_is_not_there_says_so(tmp_path: Path):
    with pytest.raises(LanguageModelError, match="no language model at"):
        load_language_model(tmp_path / "none")


@pytest.mark.parametrize(
    ("missing", "named"),
    [("config.json", "config.json"), ("tokenizer.json", "tokenizer.json"), ("model.safetensors", "*.safetensors")],
)
def test_missing_file_is_named(tiny_model: Path, tmp_path: Path, missing: str, named: str):
    folder = Path(shutil.copytree(tiny_model, tmp_path / "part"))
    (folder / missing).unlink()
    with pytest.raises(LanguageModelError, match=f"lacks {re.escape(named)}"):
        load_language_model(folder)


def _truncate_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _unknown_architecture(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "no-such-model"}))


def _garbage_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _garbage_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")


@pytest.mark.parametrize("damage", [_truncate_weights, _unknown_architecture, _garbage_config, _garbage_tokenizer])
def test_damaged_folder_is_one_sentence(tiny_model: Path, tmp_path: Path, damage):
    folder = Path(shutil.copytree(tiny_model, tmp_path / "damaged"))
    damage(folder)
    with pytest.raises(LanguageModelError, match="cannot be loaded"):
        load_language_model(folder).generate("hi", max_tokens=2, deadline_seconds=10)


def test_looking_at_a_folder_loads_no_weights_and_no_mlx(tiny_model: Path):
    code = (
        "import sys; from jarvis_resources.language_models import load_language_model; "
        f"load_language_model({str(tiny_model)!r}); print([m for m in ('mlx', 'mlx_lm', 'torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
