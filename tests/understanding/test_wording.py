"""Chat spelling comes down to the words it stands for."""

from __future__ import annotations

import pytest

from jarvis_serving.understanding.wording import tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("heyyyy", "hey"),
        ("sooo goood", "so good"),
        ("lets gooo", "let us go"),
        ("can't", "can not"),
        ("I’m free", "i am free"),
        ("u coming tmrw?", "you coming tomorrow ?"),
        ("idk lol", "i do not know haha"),
        ("lmaoooo", "haha"),
        ("we're here, were you", "we are here were you"),
        ("see you at 7:30 or 8pm", "see you at <time> or <time>"),
        ("$12.50", "<money>"),
        ("👍🏽", "<thumb>"),
        ("😢💔", "<sad> <sad>"),
        (":) :(", "<smile> <sad>"),
        ("ok!!", "ok ! !"),
        ("@sam u in?", "<mention> you in ?"),
        ("look https://x.y/z?a=1", "look <link>"),
        ("class was free too", "class was free too"),
        ("", ""),
        ("   \n", ""),
    ],
)
def test_chat_spelling_becomes_words(text: str, words: str):
    assert " ".join(tokens(text)) == words


@pytest.mark.parametrize("text", ["\u200d", "\U0001f3fd", "\x00", "‮abc", "ﷺ" * 500, "²", "٣ pm", "a" * 10_000])
def test_no_text_is_too_odd_to_read(text: str):
    assert isinstance(tokens(text), list)
