"""The four families of error that a service raises; each door maps them once. Pure.

No message holds a name, an NHS number or anything clinical; `code` is for machines, the message for people.
"""

from __future__ import annotations


class LongviewError(Exception):
    """`code` names the case for machines. `is_audited`: the trail holds this refusal, so nobody writes it again."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code
        self.is_audited = False


class NotPermitted(LongviewError):
    """The requester may not do this.

    `reasons` say why, and `advice` what can be done about it, in words that the requester may read; `gates` names all
    that refused, for the audit alone. `may_break_glass`: the requester may open the record in an emergency.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "not-permitted",
        reasons: tuple[str, ...] = (),
        advice: str = "",
        gates: tuple[str, ...] = (),
        may_break_glass: bool = False,
    ) -> None:
        super().__init__(message, code=code)
        self.may_break_glass = may_break_glass
        self.reasons = reasons
        self.advice = advice
        self.gates = gates


class TooMany(NotPermitted):
    """The requester may not do this so often, or not at this moment; `retry_after_s` says when again."""

    def __init__(self, message: str, *, code: str = "too-many", retry_after_s: int) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class TooBusy(TooMany):
    """The service cannot do this for anybody at this moment."""

    def __init__(self, message: str, *, code: str = "too-busy", retry_after_s: int) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)


class NotFound(LongviewError):
    """There is no such thing, or none that the requester may know of: both get the same answer."""

    def __init__(self, message: str = "There is nothing here that you can view.", *, code: str = "not-found") -> None:
        super().__init__(message, code=code)


class Superseded(LongviewError):
    """The world has moved on since the requester looked."""

    def __init__(self, message: str, *, code: str = "superseded") -> None:
        super().__init__(message, code=code)


class VersionMismatch(Superseded):
    """The requester named the version that they looked at, and it is no longer that."""


class Invalid(LongviewError):
    """What was asked cannot be understood. `field` names the input at fault."""

    def __init__(self, message: str, *, code: str = "invalid", field: str = "") -> None:
        super().__init__(message, code=code)
        self.field = field
