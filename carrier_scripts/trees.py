"""Syntax trees of script texts: each text is parsed once, and never two at a time."""

import ast
from functools import lru_cache
from threading import Lock

_ONE = Lock()


@lru_cache(512)
def tree(text: str) -> ast.Module:
    """The tree of this text, not to be changed. Raises `SyntaxError`.

    Python before 3.11.5 fails when two threads turn texts into trees at once (github.com/python/cpython/issues/106905).
    """
    with _ONE:
        return ast.parse(text)
