"""Union-find over strings: which handles are one person, which chats are one conversation."""

from __future__ import annotations


class DisjointSets:
    """Sets of strings that can be joined; the smallest member stands for its set, whatever the order of joining."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def add(self, item: str) -> None:
        """Make ``item`` a set of its own, unless it is in one."""
        self._parent.setdefault(item, item)

    def join(self, one: str, other: str) -> None:
        """Make the sets of ``one`` and ``other`` (added here if need be) a single set."""
        self.add(one)
        self.add(other)
        smaller, larger = sorted((self._smallest(one), self._smallest(other)))
        self._parent[larger] = smaller

    def sets(self) -> list[list[str]]:
        """Every set, sorted, in the order of their smallest members."""
        sets: dict[str, list[str]] = {}
        for item in sorted(self._parent):
            sets.setdefault(self._smallest(item), []).append(item)
        return list(sets.values())

    def _smallest(self, item: str) -> str:
        while (parent := self._parent[item]) != item:
            self._parent[item] = item = self._parent[parent]
        return item
