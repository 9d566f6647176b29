"""What `check --deploy` says of the Redis that it finds; `tests/install` tries the rest on a bare machine."""

from __future__ import annotations

from config.checks import check_redis


def test_a_redis_that_is_used_by_the_user_who_may_do_anything_is_named() -> None:
    assert {message.id for message in check_redis()} == {"config.W007"}
