"""The few errors that JARVIS raises on purpose.

Each carries one sentence for the owner that says what is wrong and what to do next. The command line prints that
sentence on stderr and exits with the error's code; nothing else of the program's insides reaches the owner. What is
not a ``JarvisError`` is a bug, and keeps its traceback.
"""


class JarvisError(Exception):
    """Something the owner can mend. ``str(error)`` is one sentence that says how."""

    exit_code = 1


class ChatDatabaseError(JarvisError):
    """chat.db is missing, unreadable, damaged, or not a Messages database."""

    exit_code = 3


class EncoderError(JarvisError):
    """An encoder is unknown, its weights are not there, or they are not the pinned ones."""

    exit_code = 4


class ReleaseError(JarvisError):
    """No release is published, or the one asked for is damaged."""

    exit_code = 5


class LanguageModelError(JarvisError):
    """A language model is not there or could not write a draft."""

    exit_code = 6


class SettingsError(JarvisError):
    """A setting, a path or a command's argument cannot be used."""

    exit_code = 2


class BusyError(JarvisError):
    """Another JARVIS process holds what this one needs."""

    exit_code = 7


class CorpusError(JarvisError):
    """A public corpus under ``JARVIS_CORPORA`` cannot be read."""

    exit_code = 8
