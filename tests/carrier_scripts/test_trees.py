"""A script's text becomes a tree once, whatever else this process reads meanwhile."""

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from carrier_scripts import trees


def test_a_parse_that_another_thread_disturbs_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, disturbed = ast.parse, [SystemError("AST constructor recursion depth mismatch")] * 2

    def disturbed_twice(text: str) -> ast.Module:
        if disturbed:
            raise disturbed.pop()
        return parse(text)

    monkeypatch.setattr(trees.ast, "parse", disturbed_twice)
    assert isinstance(trees.tree("disturbed = 1"), ast.Module)


def test_a_text_that_is_no_python_is_refused_at_once() -> None:
    with pytest.raises(SyntaxError):
        trees.tree("class")


def test_the_same_text_is_the_same_tree_for_every_thread() -> None:
    with ThreadPoolExecutor(4) as threads:
        assert len({id(tree) for tree in threads.map(trees.tree, ["same = 1"] * 40)}) == 1
