"""The four families of error that a service raises; each door maps them once.

No message holds a name, an NHS number or anything clinical; `code` is for machines, the message for people.
"""

from __future__ import annotations


class LongviewError(Exception):
    """`code` names the case for machines and for the page that explains it."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class NotPermitted(LongviewError):
    """The requester may not do this. `reasons` are the gates that refused, in words that the requester may read."""

    def __init__(self, message: str, *, code: str = "not-permitted", reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message, code=code)
        self.reasons = reasons


class NotFound(LongviewError):
    """There is no such thing, or none that the requester may know of: both get the same answer."""

    def __init__(self, message: str = "There is nothing here that you may see.", *, code: str = "not-found") -> None:
        super().__init__(message, code=code)


class Clash(LongviewError):
    """The world has moved on since the requester looked."""

    def __init__(self, message: str, *, code: str = "clash") -> None:
        super().__init__(message, code=code)


class Invalid(LongviewError):
    """What was asked cannot be understood. `field` names the input at fault."""

    def __init__(self, message: str, *, code: str = "invalid", field: str = "") -> None:
        super().__init__(message, code=code)
        self.field = field
