"""Every Celery task says under which permission it works, and none works as a person."""

import ast
import importlib
from pathlib import Path

import pytest

from broker.base.actor import ActorKind
from workers import app

ROOT = Path(app.__file__).parent
TASKS = sorted(name for name in app.app.tasks if not name.startswith("celery."))
IN_THE_NAME_OF = {"read_batch", "make_film"}
"""Rows of a file are submitted, and films taken out, with the rights of who asked, as they are now; the task's own work is the system's."""
MODULES = [name.rpartition(".")[2] for name in TASKS]


def test_there_are_tasks():
    assert {"open_tab", "end_session", "sweep", "witness"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_task_declares_its_permission(name):
    assert importlib.import_module(f"workers.{name}").PERMISSION == "system"


@pytest.mark.parametrize("name", MODULES)
def test_task_works_as_a_named_part_of_the_system_only(name):
    """Every unit of work in the task's module is opened for an actor of kind `system`."""
    module = importlib.import_module(f"workers.{name}")
    tree = ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8"))
    said = [
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"unit", "reading"}
    ]
    actors = [eval(actor, vars(module)) for actor in said if actor != "actor" or name not in IN_THE_NAME_OF]
    assert [actor for actor in actors if actor.kind is not ActorKind.SYSTEM] == []
