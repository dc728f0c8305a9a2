"""Bytes to text and back without loss, whatever mixture of UTF-8 and cp949 a file holds.

Bytes that are no UTF-8 become private-use characters (0x80 is U+F780), one each: unlike Python's lone surrogates they
pass through JSON and a browser. A file's own U+F780 to U+F7FF are carried as their bytes, so nothing is ambiguous.
"""

from __future__ import annotations

import re

from workbench.errors import WorkbenchError

_TO_PRIVATE = {0xDC00 + byte: 0xF700 + byte for byte in range(0x80, 0x100)}
_TO_BYTE = {private: surrogate for surrogate, private in _TO_PRIVATE.items()}
_PRIVATE = re.compile("[\uf780-\uf7ff]+")


def decode(data: bytes) -> str:
    """Text of which `encode` gives the same bytes again."""
    text = data.decode("utf-8", "surrogateescape")
    text = _PRIVATE.sub(lambda m: m[0].encode().decode("ascii", "surrogateescape"), text)
    return text.translate(_TO_PRIVATE)


def encode(text: str) -> bytes:
    """The bytes of a text; raises WorkbenchError for half a surrogate pair, which no file can hold."""
    try:
        return text.translate(_TO_BYTE).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        problem = f"line {line} holds half a character ({text[error.start]!a})"
        raise WorkbenchError(problem, note="type it anew") from None


def readable(text: str) -> str:
    """The text for showing: words with undecodable bytes read as cp949, which Korean files mix in; not for saving."""
    return re.sub(r"\S+", lambda m: _korean(m[0]) if _PRIVATE.search(m[0]) else m[0], text)


def _korean(word: str) -> str:
    return encode(word).decode("cp949", "replace")
