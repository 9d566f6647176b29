"""What a reader cannot see is made visible, and what is only another script is left alone."""

from __future__ import annotations

import pytest

from aggregator.mpi.demographics import clean_name, valid_nhs_number
from aggregator.record import document
from aggregator.record.invisible import made_visible
from aggregator.record.merge import merge
from tests.factories import condition, item


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("5\u202e0 mg", "5[U+202E]0 mg"),
        ("\u2067x\u2069", "[U+2067]x[U+2069]"),
        ("Peni\u200bcillin", "Peni[U+200B]cillin"),
        ("\ufeffco\xaddeine", "[U+FEFF]co[U+00AD]deine"),
        ("a\x1b[2Jb\x9b", "a[U+001B][2Jb[U+009B]"),
        ("x\U000e0041", "x[U+E0041]"),
        ("Peni\u200dcillin\u200c", "Peni[U+200D]cillin[U+200C]"),
        ("5\u200e0\u200f mg", "5[U+200E]0[U+200F] mg"),
        ("line\u2028line\u3164", "line[U+2028]line[U+3164]"),
        ("5\ufe0f0\U000e0101 mg", "5[U+FE0F]0[U+E0101] mg"),
        ("Peni\ufe00cillin", "Peni[U+FE00]cillin"),
        ("x\u2800y\u180b", "x[U+2800]y[U+180B]"),
        ("x\ufff0\U0001d173\U0001bca0\U000e0fff", "x[U+FFF0][U+1D173][U+1BCA0][U+E0FFF]"),
    ],
)
def test_what_cannot_be_seen_is_written_as_its_code_point(sent: str, shown: str) -> None:
    assert made_visible(text=sent) == shown


@pytest.mark.parametrize(
    "text",
    [
        "two\nlines\tand a tab\r",
        "می\u200cخواهم",
        "עברית\u200f",
        "Zoë µg ½ 👩\u200d⚕️",
        "5\ufe0f\u20e3",
        "葛\U000e0100飾",
    ],
)
def test_another_script_is_left_alone(text: str) -> None:
    assert made_visible(text=text) == text


@pytest.mark.parametrize(
    "sign", ["\u202e", "\u200b", "\u200d", "\u200f", "\ufeff", "\x00", "\xad", "\ufe0f", "\u2800", "\U000e01ef"]
)
def test_what_cannot_be_seen_is_not_compared(sign: str) -> None:
    assert valid_nhs_number(text=f"{sign}900 000{sign} 0009{sign}") == "9000000009"
    assert clean_name(text=f"Fer{sign}ris") == clean_name(text="Ferris")


def test_a_merged_record_gives_a_terminal_no_orders() -> None:
    named = item(resource={**condition(), "code": {"text": "Asthma\x1b]0;owned\x07"}})
    words = document.as_text(record=merge(items=[named]), quarantined={})
    assert "Asthma[U+001B]]0;owned[U+0007]" in words
