"""The mends that packages' files need to be served from here."""

from __future__ import annotations

import pytest

from config.static_files import fixed


@pytest.mark.parametrize(
    ("sent", "served"),
    [
        (b'a{b:c}@font-face {src:url("https://assets.example/f.woff2")}d{e:f}', b"a{b:c}d{e:f}"),
        (b"a{}\n/*# sourceMappingURL=a.css.map */", b"a{}\n"),
        (b"run()\n//# sourceMappingURL=a.js.map\n", b"run()\n\n"),
        (b"a{background:url(/assets/x.svg)}", b"a{background:url(assets/x.svg)}"),
    ],
)
def test_a_file_asks_no_other_host_and_no_missing_file(sent: bytes, served: bytes) -> None:
    assert fixed(content=sent) == served
