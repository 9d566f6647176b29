"""Run the web process: `python -m config.serve [--host H] [--port P] | [--fd N]`, uvicorn with the limits it needs."""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn
from django.conf import settings

from config.env import SettingError
from config.process import forbid_core_files, require_connectors, require_no_owner, require_shared_keys
from config.protocol import BoundedProtocol

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")


def main() -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m config.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fd", type=int, help="number of a listening socket to use, in place of host and port")
    parser.add_argument("--proxy", default="", help="PROXY_ADDRESSES: whose X-Forwarded-For is believed")
    options = parser.parse_args()
    if options.proxy:
        os.environ["PROXY_ADDRESSES"] = options.proxy
    require_shared_keys()
    require_no_owner()
    require_connectors()
    forbid_core_files()
    uvicorn.run(
        "config.asgi:application",
        host=options.host,
        port=options.port,
        fd=options.fd,
        # With httptools, endless headers can grow a process to over a gigabyte; h11 limits them.
        http=BoundedProtocol,
        h11_max_incomplete_event_size=16_384,
        ws="none",
        lifespan="on",
        limit_concurrency=800,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=12,
        server_header=False,
        # Its lines would contain live tickets and paths.
        access_log=False,
        # Logs are set up by Django's settings.
        log_config=None,
        proxy_headers=bool(settings.PROXY_ADDRESSES),
        forwarded_allow_ips=list(settings.PROXY_ADDRESSES),
    )


if __name__ == "__main__":
    try:
        main()
    except SettingError as error:
        sys.exit(str(error))
