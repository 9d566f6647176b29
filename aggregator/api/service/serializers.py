"""What all serializers of the service API have in common: each lists its fields, and nothing else is taken."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from rest_framework import serializers

from aggregator.api.service.problems import InvalidFields

# Fields that JSON has as texts: a number is none, whatever it would be as one.
TEXTS = (serializers.CharField, serializers.ChoiceField, serializers.DateField, serializers.UUIDField)

T = TypeVar("T", bound="Input")


class Input(serializers.Serializer[Any]):
    """What a request brings. A field that is not listed, or of another type, is refused."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values of the fields."""
        if not isinstance(data, dict):
            raise serializers.ValidationError({"": ["The body must be a JSON object."]})
        if set(data) - set(self.fields):
            # Which is not said: nothing is echoed.
            raise serializers.ValidationError({"": ["There is a field that this request does not have."]})
        wrong = [
            name
            for name, value in data.items()
            if isinstance(self.fields[name], TEXTS) and not isinstance(value, str | None)
        ]
        if wrong:
            raise serializers.ValidationError({name: ["This must be a text."] for name in wrong})
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A number as JSON has it: neither a text nor a fraction."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if type(data) is not int:
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Number(serializers.FloatField):
    """A number as JSON has it, whole or with a fraction, and no text."""

    def to_internal_value(self, data: Any) -> float:
        """Return the number."""
        if type(data) not in (int, float, Decimal):
            self.fail("invalid")
        return float(data)


class Text(serializers.CharField):
    """A text as JSON has it, within a list or a dictionary: a number is none, whatever it would be as one."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NoInput(Input):
    """A request that brings nothing."""


class PageInput(Input):
    """Which page of a list is asked for, in the address."""

    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)


def read_input(serializer: type[T], /, *, data: Any) -> dict[str, Any]:
    """Return the checked input of a request.

    Raises: InvalidFields.
    """
    checked = serializer(data=data)
    if checked.is_valid():
        return dict(checked.validated_data)
    problems = {
        name: tuple(str(problem) for problem in problems) if isinstance(problems, list) else ("This is not valid.",)
        for name, problems in checked.errors.items()
    }
    raise InvalidFields(problems=problems)
