"""The one error tree. Expected states of the world are values (`Outcome`, a tab state), never exceptions.

    BrokerError
    ├── Refused       403  the actor may not do this (ByHand: a program may not)
    ├── NotFound      404  no such thing, or not one this actor may know of
    ├── Conflict      409  the thing is in a state that rules this out
    ├── Incomplete    422  the input lacks something or says something impossible
    ├── TooMany       429  wait and try again
    └── Unavailable   503  something Portunus leans on does not answer

`code` is for machines and never changes; the message is one sentence for a person that says what to do.
"""


class BrokerError(Exception):
    status = 500
    code = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Refused(BrokerError):
    status = 403
    code = "refused"


class ByHand(Refused):
    """A portal that allows no program: a person signs in there herself. Says where, and which telephone answers."""

    code = "automation-policy"

    def __init__(self, message: str, *, address: str, provider_line: str | None) -> None:
        super().__init__(message)
        self.address, self.provider_line = address, provider_line


class NotFound(BrokerError):
    status = 404
    code = "not-found"


class Conflict(BrokerError):
    status = 409
    code = "conflict"


class Incomplete(BrokerError):
    status = 422
    code = "incomplete"


class TooMany(BrokerError):
    status = 429
    code = "too-many"


class Unavailable(BrokerError):
    status = 503
    code = "unavailable"
