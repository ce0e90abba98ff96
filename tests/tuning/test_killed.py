"""A tuning that is killed leaves nothing that is used, and the next one starts over."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from jarvis_assets.vectors.tuning import installing
from jarvis_resources.encoders import load_encoder
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings

_TUNE_FOR_EVER = """
import sys
from jarvis_assets.vectors.tuning import plan, tune
from jarvis_resources.settings import load_settings
from tests.tuning.conftest import write_history
plan.LONGEST_EPOCHS = 10_000
plan.PATIENCE = 10_000
history = write_history()
settings = load_settings(home=sys.argv[1], pairing_encoder="tiny", threads=1)
asked = plan.Plan.of(recipes=["mnrl", "joint"], base="tiny", steps=int(sys.argv[2]), device="cpu")
told = lambda label: lambda done, total: print(label, done, flush=True)
tune.tune(history.pairs, history.splits, history.turns, history.segments, settings, asked, told)
"""


@pytest.mark.slow
def test_killed_while_a_candidate_lies_there(tiny: Settings) -> None:
    command = [sys.executable, "-c", _TUNE_FOR_EVER, str(tiny.home), "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(line.startswith("tuning joint 5") for line in process.stdout)
        process.send_signal(signal.SIGKILL)
    assert (tiny.encoder_cache / ".tuning" / "mnrl" / "encoders" / "tiny-tuned" / "model.safetensors").is_file()
    with pytest.raises(EncoderError):
        load_encoder("tiny-tuned", settings=tiny)
    with installing.alone(tiny):
        assert not (tiny.encoder_cache / ".tuning").exists()
    subprocess.run([*command[:-1], "2"], check=True, stdout=subprocess.DEVNULL)
    assert not (tiny.encoder_cache / ".tuning").exists()
