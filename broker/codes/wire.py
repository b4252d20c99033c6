"""How the mail reader and its helper process talk: a length of four bytes, then that many."""

ANSWER_BYTES = 1024 * 1024


def pack(data: bytes) -> bytes:
    """The data with its length in front."""
    return len(data).to_bytes(4, "big") + data
