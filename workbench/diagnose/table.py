"""The table of causes: each is one function that proposes edits of the wrong line. It makes docs/diagnosis.md too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from workbench.diagnose.scene import Scene
from workbench.graph import Node

# Keys of the line and their new texts; None takes the key out. Tried together, as one edit.
Edit = Mapping[str, str | None]
Proposer = Callable[[Scene, Node], Iterator[Edit]]


@dataclass(frozen=True)
class Cause:
    """`tries` says, for people, what is tried; `tags` are the layers it is for (none: all)."""

    id: str
    tries: str
    propose: Proposer
    tags: tuple[str, ...] = ()


CAUSES: dict[str, Cause] = {}


def cause(id: str, tries: str, *tags: str) -> Callable[[Proposer], Proposer]:
    """Register a function that yields the edits to try, cheap and likely ones first."""

    def register(propose: Proposer) -> Proposer:
        CAUSES[id] = Cause(id, tries, propose, tags)
        return propose

    return register


def causes_of(tag: str) -> list[Cause]:
    """The causes that a line of this layer can have, in the order in which they are tried."""
    import workbench.diagnose.causes  # noqa: F401  registers them

    return [c for c in CAUSES.values() if not c.tags or tag in c.tags]


def markdown() -> str:
    """The table of docs/diagnosis.md."""
    import workbench.diagnose.causes
    import workbench.diagnose.file_causes  # noqa: F401
    from workbench.diagnose.beyond import BEYOND
    from workbench.diagnose.feeds import FEED_CAUSES
    from workbench.diagnose.file_causes.table import FILE_CAUSES

    rows = [(c.id, ", ".join(c.tags) or "any", c.tries) for c in CAUSES.values()]
    rows += [(b.id, f"instead of {' or '.join(b.tags)}", b.tries) for b in BEYOND.values()]
    rows += [(id, "the feeds", tries) for id, tries in FEED_CAUSES.items()]
    rows += [(c.id, "the .weights file", c.tries) for c in FILE_CAUSES.values()]
    head = "| cause | layers | what is tried |\n|---|---|---|\n"
    return head + "".join(f"| `{id}` | {tags} | {text} |\n" for id, tags, text in rows)
