"""Collects static files on a developer's machine when their sources have changed."""

from __future__ import annotations

import fcntl
import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from config import static_files


def collect_if_changed() -> bool:
    """Collect static files unless nothing has changed since the last time; return whether it was done.

    Safe beside other processes of the same clone.
    """
    cache = settings.PROJECT / ".cache"
    cache.mkdir(exist_ok=True)
    stamp = settings.STATIC_ROOT / ".collected-from"
    with (cache / "static.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        now = _sources_digest()
        if stamp.exists() and stamp.read_text() == now:
            return False
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(now)
    return True


def _sources_digest() -> str:
    """Return a digest of the names, sizes and times of all files to collect, and of the code that changes them."""
    digest = hashlib.sha256(Path(static_files.__file__).read_bytes())
    for finder in get_finders():
        for name, storage in finder.list(["CVS", ".*", "*~"]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
