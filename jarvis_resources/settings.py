"""JARVIS_HOME and every setting, in one typed place.

A setting comes from, in this order: the caller, the environment (``JARVIS_<NAME>``), ``$JARVIS_HOME/settings.toml``,
the default below. Nothing here touches the disk except ``load_settings`` (reads the TOML) and ``Settings.prepare``
(makes the folders, mode 0700). Thresholds that are measured (bars, link threshold) are not settings: they are chosen
on dev and travel with the release.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from jarvis_resources.errors import SettingsError

DEFAULT_CHAT_DB = Path("~/Library/Messages/chat.db")
DEFAULT_ADDRESS_BOOK = Path("~/Library/Application Support/AddressBook")


@dataclass(frozen=True)
class Settings:
    """Every setting, with its default.

    Durations are in seconds; counts are counts; paths are absolute once loaded.
    """

    home: Path
    """Where everything lives (``JARVIS_HOME``, default ``~/.jarvis``, mode 0700)."""
    assets: str = ""
    """Root of the assets: a path or any fsspec URL. Empty: ``<home>/assets``."""
    chat_db: Path = DEFAULT_CHAT_DB
    """The Messages database to read."""
    address_book: Path = DEFAULT_ADDRESS_BOOK
    """The Mac's address books, for people's names; optional."""
    corpora: Path | None = None
    """Optional folder of public corpora (``swda/swda.jsonl.gz`` …)."""
    encoders: tuple[str, ...] = ("all-minilm-l6-v2", "minilm-static")
    """Encoders that ``jarvis mine`` materialises when none is named."""
    pairing_encoder: str = "all-minilm-l6-v2"
    """The fixed encoder of turns, reply links and coherence."""
    mining_encoder: str = "all-minilm-l6-v2"
    """Whose topics, labels and templates go into the release."""
    serving_encoder: str = "all-minilm-l6-v2"
    """Whose index, classifiers and calibration go into the release; it encodes the incoming message."""
    encoder_backend: str = "auto"
    """What runs encoders: onnx, sentence-transformers, mlx, fastembed; auto: the fastest here, measured once."""
    encoder_precision: str = "auto"
    """fp32 or int8; auto: int8 where it is faster and was measured to lose less than 0.5 %. Other vectors are made anew."""
    language_model: str | None = None
    """Folder of a local language model for drafts; none: no drafts."""
    show_text: bool = False
    """Whether message text may appear in metadata previews. Off: masked."""
    turn_gap_seconds: int = 300
    """Longest silence inside one turn."""
    context_messages: int = 50
    """Most messages in a pair's context."""
    cold_start_messages: int = 10
    """Fewer messages than this with a person: COLD_START."""
    min_people: int = 3
    """How many people a reply must have been used with before a fourth may see it (the leak guard)."""
    keep_releases: int = 3
    """Releases kept on disk."""
    evaluation_pairs: int = 4000
    """Most holdout pairs that an evaluation looks at, chosen by hash."""
    renew_at: float = 0.1
    """Share of the pairs that must have come or gone before topics, calibration, evaluation and comparison are made anew.
    0: at every mining."""
    shard_texts: int = 2048
    """Texts per part of the vector store: the most that a killed run embeds again."""
    threads: int = 0
    """Threads for encoders and the index; 0: all cores."""
    country: str = "US"
    """Country (ISO 3166) of phone numbers written without a prefix, where the handle has none."""
    time_zone: str = ""
    """The owner's IANA time zone; empty: the machine's."""
    host: str = "127.0.0.1"
    """Where the server listens. Loopback only."""
    port: int = 8377
    """The server's port."""

    @property
    def assets_root(self) -> str:
        """Path or URL of the assets root."""
        return self.assets or str(self.home / "assets")

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: run history and event logs."""
        return self.home / "dagster"

    @property
    def releases(self) -> Path:
        """Where releases are published."""
        return self.home / "releases"

    @property
    def reports(self) -> Path:
        """Where HTML reports are written."""
        return self.home / "reports"

    @property
    def vectors(self) -> Path:
        """Root of the content-addressed vector store."""
        return self.home / "vectors"

    @property
    def encoder_cache(self) -> Path:
        """Exported and distilled encoder weights."""
        return self.home / "encoders"

    @property
    def snapshots(self) -> Path:
        """Where the snapshot of chat.db lies."""
        return self.home / "snapshots"

    @property
    def worker_threads(self) -> int:
        """Threads to use: ``threads``, or all cores."""
        return self.threads or os.cpu_count() or 1

    def prepare(self) -> Settings:
        """Make ``home`` and its folders, readable by the owner alone; raises ``SettingsError`` when that fails."""
        try:
            for folder in (
                self.home,
                self.dagster_home,
                self.releases,
                self.reports,
                self.vectors,
                self.encoder_cache,
                self.snapshots,
            ):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.home.chmod(0o700)
        except OSError as error:
            raise SettingsError(
                f"Cannot write to {self.home} ({error.strerror}); set JARVIS_HOME to a folder of yours."
            ) from error
        return self


def load_settings(**overrides: Any) -> Settings:
    """Settings from overrides, environment, ``settings.toml`` and defaults, in that order of precedence.

    ``None`` overrides are ignored. Raises ``SettingsError`` for an unknown name or a value of the wrong type.
    """
    home = Path(overrides.pop("home", None) or os.environ.get("JARVIS_HOME") or "~/.jarvis").expanduser().absolute()
    known = {field.name: field for field in fields(Settings) if field.name != "home"}
    values: dict[str, Any] = {}
    file = home / "settings.toml"
    if file.is_file():
        try:
            values.update(tomllib.loads(file.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{file} is not valid TOML ({error}); mend or remove it.") from error
    for name in known:
        if (raw := os.environ.get(f"JARVIS_{name.upper()}")) is not None:
            values[name] = raw
    values.update({name: value for name, value in overrides.items() if value is not None})
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsError(f"Unknown setting {unknown[0]!r}; the settings are: {', '.join(sorted(known))}.")
    settings = Settings(home=home)
    return replace(settings, **{name: _typed(name, values.get(name, getattr(settings, name))) for name in known})


def _share(value: Any) -> float:
    """A number from 0 to 1; raises ``ValueError``."""
    if not 0 <= float(value) <= 1:
        raise ValueError
    return float(value)


_CHOICES = {
    "encoder_backend": ("auto", "onnx", "sentence-transformers", "mlx", "fastembed"),
    "encoder_precision": ("auto", "fp32", "int8"),
}
_INTEGERS = frozenset(f.name for f in fields(Settings) if f.type == "int")
_PATHS = frozenset({"chat_db", "address_book", "corpora"})


def _typed(name: str, value: Any) -> Any:
    """``value`` as the type that the setting ``name`` has; environment values arrive as strings."""
    try:
        if name == "encoders":
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(part.strip() for part in parts if part.strip())
        if name in _PATHS:
            return Path(value).expanduser().absolute() if value else None
        if name == "show_text":
            if isinstance(value, bool):
                return value
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}[
                str(value).lower()
            ]
        if name in _INTEGERS:
            return int(value)
        if name == "renew_at":
            return _share(value)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SettingsError(f"The setting {name} cannot be {value!r}; see docs/settings.md.") from error
    if name in _CHOICES and value not in _CHOICES[name]:
        raise SettingsError(f"The setting {name} cannot be {value!r}; choose one of: {', '.join(_CHOICES[name])}.")
    if name == "language_model":
        return str(value) if value else None
    return str(value)
