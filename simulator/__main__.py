"""The simulator's commands: `region` writes a synthetic region to files, `serve` serves one source of it, and `proxy`
breaks the connection to any source."""

from __future__ import annotations

import argparse
import asyncio
import socket
import ssl
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from aiohttp import web

from simulator.certificates import make_authority, server_context
from simulator.connection_faults import WELL, Turn, read_schedule
from simulator.faults import BadFault
from simulator.gp_server import gp_app
from simulator.organisations import FHIR_R4, GP_CONNECT
from simulator.proxy import FaultProxy, control_app
from simulator.r4_server import r4_app
from simulator.records import Records, read_files, read_folder
from simulator.region import write_region
from simulator.serving import Desk, serve
from simulator.smart_tokens import token_giver


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_region(commands)
    _add_serve(commands)
    _add_proxy(commands)
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
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="encrypt with this certificate and its key")
    parser.add_argument(
        "--client-authority", type=Path, metavar="PEM", help="with --certificate: ask clients for one of this authority"
    )
    parser.add_argument("--client-id", default="", help="fhir_r4: give tokens to this client, and ask for them")
    parser.add_argument("--client-keys", type=Path, metavar="JWKS", help="with --client-id: the client's public keys")
    parser.add_argument(
        "--public-base", default="", metavar="URL", help="fhir_r4: the address by which it names itself"
    )
    parser.set_defaults(run=_serve)


def _add_proxy(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("proxy", help="stand before a source and break the connection to it on demand")
    parser.add_argument("--upstream", required=True, metavar="URL", help="the source's address; its path is not used")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, help="a socket that listens already, handed over by whoever starts this")
    where.add_argument("--port", type=int, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--control-port", type=int, default=0, help="where faults are named (default: a free one)")
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="encrypt with this certificate and its key")
    parser.add_argument(
        "--upstream-authority", type=Path, metavar="PEM", help="by which the source's own certificate is judged"
    )
    parser.add_argument(
        "--schedule",
        type=_schedule,
        default=(),
        metavar="NAME:SECONDS,...",
        help=f"faults that come and go by themselves, over and over, such as {WELL}:60,refused:120",
    )
    parser.add_argument("--seed", type=int, default=7, help="of what is left to chance")
    parser.set_defaults(run=_proxy)


def _schedule(text: str) -> tuple[Turn, ...]:
    try:
        return read_schedule(text=text)
    except BadFault as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _region(options: argparse.Namespace) -> int:
    today = options.today or datetime.now(tz=UTC).date()
    counts = write_region(folder=options.out, seed=options.seed, people=options.people, today=today)
    for slug, count in counts.items():
        print(f"{slug}: {count} people")
    return 0


def _serve(options: argparse.Namespace) -> int:
    if bool(options.client_id) != bool(options.client_keys) or (options.client_authority and not options.certificate):
        print("simulator: --client-id needs --client-keys, and --client-authority a --certificate", file=sys.stderr)
        return 1
    if options.kind == GP_CONNECT and (options.client_id or options.public_base):
        print("simulator: a practice neither gives tokens nor names itself in links", file=sys.stderr)
        return 1
    records = (
        read_files(paths=options.files, kind=options.kind) if options.files else read_folder(folder=options.folder)
    )
    if not records.holders or records.settings.kind != options.kind:
        print(f"simulator: no record of kind {options.kind} there", file=sys.stderr)
        return 1
    if options.files:
        _print_people(records=records)
    if options.public_base:
        records = replace(records, settings=replace(records.settings, public_base=options.public_base.rstrip("/")))
    latency_ms = records.settings.latency_ms if options.latency_ms is None else options.latency_ms
    desk = Desk(records=records, latency_ms=latency_ms, seed=options.seed)
    try:
        app = _app(desk=desk, options=options)
    except ValueError:
        print(f"simulator: there is no JWK Set in {options.client_keys}", file=sys.stderr)
        return 1
    tls = None
    if options.certificate:
        tls = server_context(certificate=options.certificate, client_authority=options.client_authority)
    sock = _listening(options=options)
    host, port = sock.getsockname()[:2]
    address = f"{'https' if tls else 'http'}://{host}:{port}{records.settings.base_path}"
    asyncio.run(serve(app=app, sock=sock, tls=tls, ready=lambda: print(f"ready {address}", flush=True)))
    return 0


def _app(*, desk: Desk, options: argparse.Namespace) -> web.Application:
    """Return the application of a source. Raises: ValueError where the client's keys are none."""
    if options.kind == GP_CONNECT:
        return gp_app(desk=desk)
    giver = token_giver(client_id=options.client_id, keys=options.client_keys) if options.client_id else None
    return r4_app(desk=desk, giver=giver)


def _proxy(options: argparse.Namespace) -> int:
    upstream = urlsplit(options.upstream)
    if upstream.scheme not in ("http", "https") or not upstream.netloc:
        print("simulator: the upstream is an address that begins with http:// or https://", file=sys.stderr)
        return 1
    try:
        asyncio.run(_run_proxy(options, root=f"{upstream.scheme}://{upstream.netloc}"))
    except BadFault as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    return 0


async def _run_proxy(options: argparse.Namespace, /, *, root: str) -> None:
    certificate, authority = options.certificate, options.upstream_authority
    with TemporaryDirectory() as folder:
        wrong = make_authority(Path(folder), name="nobody-trusts-this") if certificate else None
        proxy = FaultProxy(
            upstream=root,
            listening=_listening(options=options),
            tls=server_context(certificate=certificate) if certificate else None,
            wrong_tls=wrong.server_context() if wrong else None,
            upstream_tls=ssl.create_default_context(cafile=str(authority)) if authority else None,
            seed=options.seed,
        )
    control = socket.create_server((options.host, options.control_port))

    def say_ready() -> None:
        host, port = control.getsockname()[:2]
        print(f"control http://{host}:{port}", flush=True)
        print(f"ready {proxy.address}", flush=True)

    await proxy.start()
    try:
        if options.schedule:
            proxy.begin(schedule=options.schedule)
        await serve(app=control_app(proxy=proxy), sock=control, ready=say_ready)
    finally:
        await proxy.close()


def _print_people(*, records: Records) -> None:
    for holder in records.holders.values():
        print(f"{holder.local_id}: {holder.family}, {holder.given}, born {holder.birth_date}")


def _listening(*, options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    return socket.create_server((options.host, options.port))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
