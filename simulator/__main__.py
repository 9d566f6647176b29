"""The simulator's two commands: `region` writes a synthetic region to files, `serve` serves one source of it."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from simulator.gp_server import gp_app
from simulator.organisations import FHIR_R4, GP_CONNECT
from simulator.r4_server import r4_app
from simulator.records import Records, read_files, read_folder
from simulator.region import write_region
from simulator.serving import Desk, serve


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_region(commands)
    _add_serve(commands)
    options = parser.parse_args(arguments)
    try:
        run: int = options.run(options)
    except OSError as error:
        print(f"simulator: {error.strerror}: {error.filename or ''}", file=sys.stderr)
        return 1
    return run


def _add_region(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("region", help="write a seeded synthetic region into a folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--people", type=int, default=300, help="people besides those of the stories")
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        default=None,
        metavar="YYYY-MM-DD",
        help="the day that clinical dates hang on (default: the clock's)",
    )
    parser.set_defaults(run=_region)


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("serve", help="serve one source over HTTP")
    parser.add_argument("--kind", choices=(FHIR_R4, GP_CONNECT), required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--folder", type=Path, help="a source's folder of a region")
    what.add_argument("--files", type=Path, nargs="+", metavar="FILE|FOLDER", help="FHIR bundles")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="a socket that listens already, handed over by whoever starts this")
    where.add_argument("--port", type=int, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--latency-ms", type=int, default=None, help="base latency (default: the source's own; 0 is none)"
    )
    parser.add_argument("--seed", type=int, default=7, help="of the jitter about the base latency")
    parser.set_defaults(run=_serve)


def _region(options: argparse.Namespace) -> int:
    today = options.today or datetime.now(tz=UTC).date()
    counts = write_region(folder=options.out, seed=options.seed, people=options.people, today=today)
    for slug, count in counts.items():
        print(f"{slug}: {count} people")
    return 0


def _serve(options: argparse.Namespace) -> int:
    records = (
        read_files(paths=options.files, kind=options.kind) if options.files else read_folder(folder=options.folder)
    )
    if not records.holders or records.settings.kind != options.kind:
        print(f"simulator: no record of kind {options.kind} there", file=sys.stderr)
        return 1
    if options.files:
        _print_people(records=records)
    latency_ms = records.settings.latency_ms if options.latency_ms is None else options.latency_ms
    desk = Desk(records=records, latency_ms=latency_ms, seed=options.seed)
    app = gp_app(desk=desk) if options.kind == GP_CONNECT else r4_app(desk=desk)
    sock = _listening(options=options)
    host, port = sock.getsockname()[:2]
    address = f"http://{host}:{port}{records.settings.base_path}"
    asyncio.run(serve(app=app, sock=sock, ready=lambda: print(f"ready {address}", flush=True)))
    return 0


def _print_people(*, records: Records) -> None:
    for holder in records.holders.values():
        print(f"{holder.local_id}: {holder.family}, {holder.given}, born {holder.birth_date}")


def _listening(*, options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    return socket.create_server((options.host, options.port))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
