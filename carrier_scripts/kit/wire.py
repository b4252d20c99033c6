"""What a script process and the browser host say to each other: JSON lines, from closed lists that both sides import.

The script names things (a locator is a recorded chain, an act is a word); the host does them. Nothing here can carry a
password, a code, a cookie or a piece of JavaScript.
"""

from typing import Any, NotRequired, TypedDict

LINE_BYTES = 1_000_000
"""A longer line ends the run."""
RUN_BYTES = 16_000_000
"""All lines of a run together."""
TEXT_CHARACTERS = 4_000
"""A longer selector, text or address is refused."""
SIGN_DEPTH = 6
SIGNS = 80
"""How deep signs may be nested, and how many one question may hold."""

CHAIN = frozenset(
    {
        "locator",
        "frame_locator",
        "get_by_role",
        "get_by_label",
        "get_by_text",
        "get_by_placeholder",
        "get_by_title",
        "get_by_test_id",
        "filter",
        "nth",
        "first",
        "last",
    }
)
"""Playwright locator methods (or properties) a chain may be made of."""

ACTS = frozenset(
    {
        "click",
        "fill",
        "check",
        "uncheck",
        "select_option",
        "press",
        "inner_text",
        "all_inner_texts",
        "text_content",
        "is_visible",
        "is_checked",
        "count",
        "wait_for",
        "get_attribute",
    }
)
"""What may be done to a located element."""

CHAIN_OPTIONS = frozenset({"has_text", "has_not_text", "name", "exact", "checked", "level", "visible"})
ACT_OPTIONS = frozenset({"label", "value", "index", "timeout", "state"})
READABLE_ATTRIBUTES = frozenset(
    {"href", "title", "alt", "id", "name", "class", "type", "role", "aria-label", "datetime", "for"}
)
"""`value` is not among them: what a field holds may be a secret."""
KEYS = frozenset({"Enter", "Tab", "Escape", "ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", "Space"})

CALLS = frozenset(
    {
        "goto",
        "reload",
        "page",
        "url",
        "recognise",
        "pages",
        "wait_page",
        "named",
        "read",
        "scroll",
        "read_pdf",
        "read_835",
        "type_username",
        "type_secret",
        "submit_login",
        "type_code",
        "type_answer",
        "method",
        "call_line",
        "approval",
        "touch",
        "enrol",
        "keep_recovery_codes",
        "overlay",
        "resend_code",
        "code_answered",
        "another_code",
        "code_left",
        "choose",
        "confirm_practice",
        "log",
    }
)

LOOKUPS = frozenset({"eligibility", "claim_status"})
"""Verbs that answer a question. They read: a write is stopped by the host."""

RUNS = frozenset({"sign_in", "prove", "keep_alive", "log_out", "recognise"}) | LOOKUPS

REPORT = "report"
"""Not a run: asks the process which of its walls stand."""
OUTLINE = "outline"
"""Not a run: asks what `check` wants to know of a script."""
FACTS = "facts"
"""Not a run: asks what a script declares, without anybody else having to import it."""

SHAPES = frozenset({"text", "texts", "table", "pairs"})
"""How a lookup reads an element: one text, the texts of all that fit, a table, labels with what stands beside them."""


class Source(TypedDict):
    """One file of a script, as text; the process compiles exactly these bytes."""

    module: str
    text: str


class Run(TypedDict):
    """The first line a script process gets."""

    run: str
    portal: str
    digest: str
    sources: list[Source]
    asked: NotRequired[dict[str, Any]]
    """A lookup's question."""
    more: NotRequired[bool]
    """Another lookup with the same script may follow; its message brings no sources."""


class Call(TypedDict):
    """Script → host. Answered by `{"id": n, "ok": value}` or `{"id": n, "error": {"code": …, "message": …}}`."""

    id: int
    call: str
    args: dict[str, Any]
