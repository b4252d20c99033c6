"""OpenAPI of everything under /api/v1: bodies and answers by their schemas, who may ask, problem details."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import shapes
from api.access import CSRF_HEADER, cookie_name, declarations

REF = "#/components/schemas/{model}"
BODIES: dict[tuple[str, str], type[BaseModel]] = {("/api/v1/lookups", "post"): shapes.NewLookup}
"""Bodies that a route reads by itself, to name what is wrong with them in one sentence."""
WORDS = "Lookups for programs, and whatever else a signed-in person's browser may ask. Prose and examples: docs/api.md."
WRITES = ("post", "put", "patch", "delete")


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    made = get_openapi(title="Portunus", version="1", description=WORDS, routes=app.routes)
    made["paths"] = {path: told for path, told in made["paths"].items() if path.startswith("/api/v1/")}
    parts = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        parts.pop(name, None)
    _, own = models_json_schema(
        [(shapes.Problem, "serialization"), *((body, "validation") for body in BODIES.values())], ref_template=REF
    )
    parts.update({name: schema for name, schema in own["$defs"].items() if name not in parts})
    for (path, method), body in BODIES.items():
        content = {"application/json": {"schema": {"$ref": REF.format(model=body.__name__)}}}
        made["paths"][path][method]["requestBody"] = {"required": True, "content": content}
    made["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "a service account's API key"},
        "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(app.state.portunus.settings.public_url)},
        "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
    }
    keys = {
        (path, method.lower())
        for name, found in declarations(app)
        for methods, _, path in [name.partition(" ")]
        for method in methods.split(",")
        if any(one.keys for one in found)
    }
    for path, told in made["paths"].items():
        for method, operation in told.items():
            _finish(operation, method, by_key=(path, method) in keys)
    return made


def _finish(operation: dict[str, Any], method: str, *, by_key: bool) -> None:
    """Who may ask, and that everything else than an answer is problem details."""
    person: dict[str, list[str]] = {"session": [], "csrf": []} if method in WRITES else {"session": []}
    operation["security"] = [{"key": []}, person] if by_key else [person]
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {
        "description": "no answer, and why",
        "content": {"application/problem+json": {"schema": {"$ref": REF.format(model="Problem")}}},
    }
