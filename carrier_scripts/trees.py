"""Syntax trees of script texts: each text is parsed once, and never two at a time."""

import ast
from contextlib import suppress
from functools import lru_cache
from threading import Lock

TRIES = 5
_ONE = Lock()


@lru_cache(512)
def tree(text: str) -> ast.Module:
    """The tree of this text, not to be changed. Raises `SyntaxError`.

    Python 3.11 fails when two threads turn texts into trees at once (github.com/python/cpython/issues/106905); an import in
    another thread counts too, and is over in a moment.
    """
    with _ONE:
        for _ in range(TRIES - 1):
            with suppress(SystemError):
                return ast.parse(text)
        return ast.parse(text)
