"""What may be an account's email address."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from aggregator.accounts.models import User
from aggregator.errors import Invalid
from aggregator.limits import check_length


def checked_email(text: str, /) -> str:
    """Return an address as it is kept; "" is none.

    Raises: Invalid.
    """
    address = text.strip()
    check_length(model=User, field="email", value=address, label="Email address")
    try:
        if address:
            validate_email(address)
    except ValidationError:
        raise Invalid(
            "Enter an email address in the correct format, such as name@example.nhs.uk", field="email"
        ) from None
    return address
