"""The filters of templates: what they return is safe, and its dates do not break over lines."""

from __future__ import annotations

from datetime import UTC, date, datetime

from aggregator.web.filters import day, moment, unbroken


def test_a_date_does_not_break_at_its_hyphens_and_may_part_from_its_time() -> None:
    assert unbroken("Recorded 16-Feb-2026 14:45") == 'Recorded <span class="app-nowrap">16-Feb-2026</span> 14:45'
    assert unbroken("Due Feb-2026") == 'Due <span class="app-nowrap">Feb-2026</span>'
    assert moment(datetime(2026, 2, 16, 14, 45, tzinfo=UTC)) == '<span class="app-nowrap">16-Feb-2026</span> 14:45'
    assert day(date(2026, 2, 16)) == '<span class="app-nowrap">16-Feb-2026</span>'


def test_what_is_no_date_is_as_it_was_and_safe() -> None:
    assert unbroken("2026") == "2026"
    assert unbroken("<b>16-Feb-2026</b>&") == '&lt;b&gt;<span class="app-nowrap">16-Feb-2026</span>&lt;/b&gt;&amp;'
    assert (moment(None), day(None)) == ("", "Not known")
    assert not moment(None)  # templates say "Never" in its place
