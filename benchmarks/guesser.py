"""Guesses passwords at a web process on many connections, as fast as it is answered, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys
from itertools import count

import aiohttp

from benchmarks.visitor import TOKEN


async def guess(*, web: str, own_address: str, connections: int) -> None:
    """Guess at one name after the other, from one address of this machine."""
    connector = aiohttp.TCPConnector(limit=connections, local_addr=(own_address, 0))
    jar = aiohttp.CookieJar(unsafe=True)  # takes cookies of numeric addresses
    async with aiohttp.ClientSession(base_url=web, connector=connector, cookie_jar=jar) as session:
        async with session.get("/sign-in") as answer:
            token = TOKEN.search(await answer.text())
        if token is None:
            raise SystemExit("there is no form to sign in with")
        numbers = count()

        async def one_after_the_other() -> None:
            while True:
                form = {"csrfmiddlewaretoken": token[1], "username": f"name.{next(numbers)}", "password": "a guess"}
                try:
                    async with session.post("/sign-in", data=form) as refused:
                        await refused.read()
                except aiohttp.ClientError:
                    continue

        print("ready", flush=True)
        await asyncio.gather(*(one_after_the_other() for _ in range(connections)))


def main(arguments: list[str]) -> None:
    """Guess until stopped; print "ready" when it begins."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guesser", description=__doc__)
    parser.add_argument("--web", required=True)
    parser.add_argument("--own-address", required=True)
    parser.add_argument("--connections", type=int, required=True)
    options = parser.parse_args(arguments)
    asyncio.run(guess(web=options.web, own_address=options.own_address, connections=options.connections))


if __name__ == "__main__":
    main(sys.argv[1:])
