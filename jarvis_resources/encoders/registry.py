"""Every encoder that JARVIS knows, as data: those that come with it, and the owner's own rows.

A card says how an encoder's vectors come about (pooling, prefix, truncation) and which backends of ours can run it.
Code that runs encoders lives in the backend modules; where their files lie is ``weights.py``'s business, and
``user_rows.py`` reads the owner's rows. What is not known for certain is ``None``: a revision and a hash are recorded
when the files are first at hand (``pins.py``), never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings, load_settings

Backend = Literal["onnx", "sentence-transformers", "mlx", "fastembed", "static"]
Precision = Literal["fp32", "int8"]
Pooling = Literal["mean", "cls", "last", "static"]

PLAIN_FILES = ("config.json", "tokenizer.json", "model.safetensors")
"""What a transformer needs whose pooling is plain: the card says the rest."""
PIPELINE_FILES = (*PLAIN_FILES, "modules.json")
"""What a model needs that has layers of its own after pooling: sentence-transformers reads them from its folder."""


@dataclass(frozen=True)
class EncoderCard:
    """One encoder: where it comes from, how its vectors are made, what can run it."""

    slug: str
    """Its name here: partition key, folder name."""
    hub_name: str | None
    """Repository on the Hugging Face hub; None: made here."""
    dimension: int
    """Length of a vector."""
    pooling: Pooling
    """How token vectors become one: their mean, the first, the last, or a mean of static token vectors."""
    max_tokens: int
    """Longest text in tokens, specials included; the rest is cut off."""
    layers: int
    """Transformer layers; 0: none."""
    licence: str | None
    """SPDX id or the licence's own name."""
    backends: tuple[Backend, ...]
    """Backends here that can run it; the first is what ``auto`` means."""
    note: str
    """What it is good for, in a line."""
    revision: str | None = None
    """Commit of the hub repository."""
    weights_sha256: str | None = None
    """sha256 of model.safetensors, checked at load."""
    normalise: bool = True
    """Whether its own pipeline ends with normalisation. Vectors from here always have length 1."""
    query_prefix: str | None = None
    """What its authors put before a search query; "" is nothing, None is unknown. Recorded, not applied: messages are
    compared with messages, so both sides are encoded alike."""
    document_prefix: str | None = None
    """What is put before every text here; None or "" is nothing."""
    files: tuple[str, ...] = PLAIN_FILES
    """Files that its folder must hold."""
    distilled_from: str | None = None
    """The encoder that this static one is distilled from, here."""
    folder: Path | None = None
    """Where the owner keeps its files; None: in JARVIS_HOME, or in a Python package."""


BERT_BACKENDS: tuple[Backend, ...] = ("onnx", "sentence-transformers", "mlx", "fastembed")
"""What runs a BERT whose pooling is plain, by habit the quickest first."""
ANY_BACKENDS: tuple[Backend, ...] = ("sentence-transformers",)
"""What runs any network."""
STATIC_BACKENDS: tuple[Backend, ...] = ("static",)
_BERT, _TORCH = BERT_BACKENDS, ANY_BACKENDS
_BGE_QUERY = "Represent this sentence for searching relevant passages: "

CARDS: dict[str, EncoderCard] = {
    card.slug: card
    for card in (
        EncoderCard(
            "all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2", 384, "mean", 256, 6, "Apache-2.0", _BERT,
            "The embedded default: its weights come as a Python package.",
            weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            query_prefix="", document_prefix="",
        ),
        EncoderCard(
            "all-minilm-l12-v2", "sentence-transformers/all-MiniLM-L12-v2", 384, "mean", 128, 12, "Apache-2.0", _BERT,
            "Twice the layers of the default.", query_prefix="", document_prefix="",
        ),
        EncoderCard(
            "paraphrase-minilm-l3-v2", "sentence-transformers/paraphrase-MiniLM-L3-v2", 384, "mean", 128, 3,
            "Apache-2.0", _BERT, "Half the layers of the default, trained on paraphrases.", normalise=False,
            query_prefix="", document_prefix="",
        ),
        EncoderCard(
            "all-mpnet-base-v2", "sentence-transformers/all-mpnet-base-v2", 768, "mean", 384, 12, "Apache-2.0", _TORCH,
            "The quality model of the same family as the default.", query_prefix="", document_prefix="",
        ),
        EncoderCard(
            "sentence-t5-large", "sentence-transformers/sentence-t5-large", 768, "mean", 256, 24, "Apache-2.0", _TORCH,
            "Large, slow, strong on sentence similarity.", query_prefix="", document_prefix="", files=PIPELINE_FILES,
        ),
        EncoderCard(
            "bge-micro-v2", "TaylorAI/bge-micro-v2", 384, "mean", 512, 3, "MIT", _BERT,
            "Three layers distilled from bge-small.", normalise=False,
        ),
        EncoderCard(
            "gte-tiny", "TaylorAI/gte-tiny", 384, "mean", 512, 6, None, _BERT,
            "Distilled from gte-small.", normalise=False,
        ),
        EncoderCard(
            "bge-small-en-v1.5", "BAAI/bge-small-en-v1.5", 384, "cls", 512, 12, "MIT", _BERT,
            "Retrieval model of small size.", query_prefix=_BGE_QUERY, document_prefix="",
        ),
        EncoderCard(
            "bge-large-en-v1.5", "BAAI/bge-large-en-v1.5", 1024, "cls", 512, 24, "MIT", _BERT,
            "Retrieval model of large size.", query_prefix=_BGE_QUERY, document_prefix="",
        ),
        EncoderCard(
            "mdbr-leaf-mt", "MongoDB/mdbr-leaf-mt", 1024, "mean", 512, 6, "Apache-2.0", _TORCH,
            "MiniLM's size, distilled from a large model; a dense layer follows its pooling.", files=PIPELINE_FILES,
        ),
        EncoderCard(
            "gte-modernbert-base", "Alibaba-NLP/gte-modernbert-base", 768, "cls", 8192, 22, "Apache-2.0", _TORCH,
            "ModernBERT, for long texts.", query_prefix="", document_prefix="",
        ),
        EncoderCard(
            "embeddinggemma-300m", "google/embeddinggemma-300m", 768, "mean", 2048, 24, "Gemma", _TORCH,
            "Multilingual; dense layers follow its pooling.", query_prefix="task: search result | query: ",
            document_prefix="task: sentence similarity | query: ", files=PIPELINE_FILES,
        ),
        EncoderCard(
            "qwen3-embedding-0.6b", "Qwen/Qwen3-Embedding-0.6B", 1024, "last", 32768, 28, "Apache-2.0", _TORCH,
            "Multilingual, made from a language model.",
            query_prefix="Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
            document_prefix="",
        ),
        EncoderCard(
            "potion-base-8m", "minishlab/potion-base-8M", 256, "static", 512, 0, "MIT", STATIC_BACKENDS,
            "Static token vectors, trained by its authors.", query_prefix="", document_prefix="",
        ),
        EncoderCard(
            "minilm-static", None, 256, "static", 512, 0, "Apache-2.0", STATIC_BACKENDS,
            "Static token vectors, distilled here from all-minilm-l6-v2; the fastest.",
            query_prefix="", document_prefix="", distilled_from="all-minilm-l6-v2",
        ),
        EncoderCard(
            "minilm-tuned", None, 384, "mean", 256, 6, "Apache-2.0", _BERT,
            "Fine-tuned on the owner's pairs; tuning.json in its folder says from what.", query_prefix="", document_prefix="",
        ),
    )
}  # fmt: skip
"""Every card that comes with JARVIS, by slug, in the order in which they are listed to people."""


def cards(settings: Settings) -> dict[str, EncoderCard]:
    """Every encoder by slug: those that come with JARVIS, then the owner's rows (``$JARVIS_HOME/encoders.toml``).

    Raises ``EncoderError`` that names the file and the row where one is wrong.
    """
    from jarvis_resources.encoders import user_rows

    return CARDS | user_rows.read(settings)


def get_card(slug: str, settings: Settings | None = None) -> EncoderCard:
    """The card of ``slug``; the owner's rows are read only for a slug that is not JARVIS's own.

    Raises ``EncoderError`` that names the known ones, or the row that is wrong.
    """
    if slug in CARDS:
        return CARDS[slug]
    known = cards(settings or load_settings())
    try:
        return known[slug]
    except KeyError:
        raise EncoderError(f"There is no encoder {slug!r}; choose one of: {', '.join(known)}.") from None
