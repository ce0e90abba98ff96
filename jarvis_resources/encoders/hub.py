"""The Hugging Face hub through huggingface_hub: what a commit holds, and its files.

Only ``fetch.py`` uses it. ``hf_hub_download`` is not used, because it starts from nothing after a kill; here a large file
goes on where it stopped, and is compared with the hash that the hub states for the commit.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jarvis_resources.encoders.registry import EncoderCard
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_CHUNK_BYTES = 1_000_000
"""Written at a time: what a kill loses at most, and how often progress is told."""
_WAIT_SECONDS = 30
"""For the hub's first answer."""
_COMMIT = re.compile(r"[0-9a-f]{40}")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RemoteFile:
    """A file of the commit, as the hub describes it."""

    name: str
    size: int
    blob_id: str | None
    """Git's hash of the content, of a small file."""
    sha256: str | None
    """Of a large one."""

    def is_in(self, path: Path) -> bool:
        """Whether ``path`` holds this file, by its hash."""
        if not path.is_file() or path.stat().st_size != self.size:
            return False
        with open(path, "rb") as file:
            if self.sha256 is not None:
                return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
            git = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
            git.update(file.read())
            return git.hexdigest() == self.blob_id


@dataclass
class Meter:
    """Bytes so far, told to whoever listens; stands in for the progress bar that huggingface_hub would make."""

    total: int
    listener: Progress | None
    done: int = 0
    downloaded: int = 0

    def advance(self, count: int, *, downloaded: bool = True) -> None:
        self.done += count
        self.downloaded += count if downloaded else 0
        if self.listener is not None:
            self.listener(self.done, self.total)

    def bar(self, **_looks: Any) -> _Bar:
        return _Bar(self)


@dataclass
class _Bar:
    meter: Meter

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_exception: object) -> None: ...

    def update(self, count: int) -> None:
        self.meter.advance(count)


@dataclass
class Repository:
    """A repository at a commit, through huggingface_hub."""

    api: HfApi
    name: str
    revision: str
    commit: str = ""
    files: dict[str, RemoteFile] = field(default_factory=dict)

    def look(self) -> None:
        """Ask which commit the revision is, and what it holds."""
        info = self.api.model_info(self.name, revision=self.revision, files_metadata=True, timeout=_WAIT_SECONDS)
        self.commit = str(info.sha)
        if not _COMMIT.fullmatch(self.commit):
            raise EncoderError(f"{self.api.endpoint} did not say which commit of {self.name} that is; try again later.")
        for file in info.siblings or ():
            if Path(file.rfilename).is_absolute() or ".." in Path(file.rfilename).parts:
                continue  # no honest repository has one
            size = file.lfs.size if file.lfs else file.size
            sha256 = file.lfs.sha256 if file.lfs else None
            self.files[file.rfilename] = RemoteFile(file.rfilename, size or 0, file.blob_id, sha256)

    def download(self, file: RemoteFile, folder: Path, meter: Meter) -> None:
        """``file`` into ``folder``, going on where a killed download stopped; raises ``EncoderError`` if damaged."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        path = folder / file.name
        if file.is_in(path):
            meter.advance(file.size, downloaded=False)
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        expected = file.sha256 or file.blob_id or ""
        partial = path.with_name(f".{path.name}.{expected[:12]}.part")
        if file.sha256 is None or (partial.exists() and partial.stat().st_size > file.size):
            partial.unlink(missing_ok=True)  # a small one may come compressed, which cannot go on in the middle
        with open(os.open(partial, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as sink:
            have = sink.tell()
            meter.advance(have, downloaded=False)
            http_get(
                hf_hub_url(self.name, file.name, revision=self.commit, endpoint=self.api.endpoint),
                sink,
                resume_size=have,
                headers=build_hf_headers(),
                expected_size=file.size,
                tqdm_class=meter.bar,  # type: ignore[arg-type]
            )
            sink.flush()
            os.fsync(sink.fileno())
        if not file.is_in(partial):
            partial.unlink()
            raise EncoderError(f"{file.name} of {self.name} was damaged on its way; run the same command again.")
        partial.replace(path)


@contextmanager
def online() -> Iterator[HfApi]:
    """The hub, reachable as long as this lasts: everywhere else its libraries are told to stay offline."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # it would warn in the middle of our progress
    wanted = {
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "DOWNLOAD_CHUNK_SIZE": _CHUNK_BYTES,
    }
    before = {name: getattr(constants, name) for name in wanted}
    try:
        for name, value in wanted.items():
            setattr(constants, name, value)
        yield HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="jarvis")
    finally:
        for name, value in before.items():
            setattr(constants, name, value)


@contextmanager
def one_sentence(card: EncoderCard, revision: str | None, target: Path) -> Iterator[None]:
    """What the hub, the network or the disk says, as an ``EncoderError``."""
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is its HTTP library's
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name = card.hub_name
    again = f"run `jarvis encoders fetch {card.slug}` again: what is here is kept"
    try:
        yield
    except GatedRepoError as error:
        raise EncoderError(
            f"{name} is gated: accept its licence at https://huggingface.co/{name}, then put a token of yours into "
            "HF_TOKEN and run again."
        ) from error
    except RepositoryNotFoundError as error:
        raise EncoderError(
            f"The hub knows no repository {name} that is open to you; check the name, or put a token into HF_TOKEN if "
            "it is private."
        ) from error
    except (RevisionNotFoundError, HFValidationError) as error:
        raise EncoderError(f"{name} has no revision {revision or 'main'}; give another with --revision.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        what = "put a valid token into HF_TOKEN and run again" if status in (401, 403) else f"wait a little and {again}"
        raise EncoderError(f"The hub answered with status {status} for {name}; {what}.") from error
    except HTTPError as error:
        raise EncoderError(
            f"The Hugging Face hub cannot be reached ({type(error).__name__}); check the connection and {again}."
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EncoderError(f"The disk is full; free some space and {again}.") from error
        if error.errno is not None:
            raise EncoderError(
                f"Cannot write {target} ({error.strerror}); check its permissions and {again}."
            ) from error
        raise EncoderError(f"The download of {card.slug} was cut off; {again}.") from error
