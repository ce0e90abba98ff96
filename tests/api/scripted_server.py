"""``python scripted_server.py [MODEL_FOLDER]``: the real server under the real JARVIS_HOME, with a scripted Suggester."""

from __future__ import annotations

import sys
import time

from scripted import ScriptedSuggester

from jarvis_resources.language_models import LanguageModel, load_language_model
from jarvis_resources.settings import load_settings
from jarvis_serving import api
from jarvis_serving.drafts import Drafts


class Leisurely:
    """A language model that takes long enough for a person to see it write."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self.name = model.name

    def generate(self, prompt: str, *, max_tokens: int, deadline_seconds: float) -> str:
        time.sleep(0.7)
        return self._model.generate(prompt, max_tokens=max_tokens, deadline_seconds=deadline_seconds)


if __name__ == "__main__":
    drafts = Drafts(Leisurely(load_language_model(sys.argv[1])), lambda _text: None) if sys.argv[1:] else None
    api.serve(load_settings(port=0).prepare(), ScriptedSuggester(drafts), announce=lambda line: print(line, flush=True))  # type: ignore[arg-type]
