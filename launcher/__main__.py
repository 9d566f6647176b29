"""`python -m launcher demo [--once] [--faults]` or `python -m launcher services`.

The services start first and their addresses go into the environment; only then are Django's settings read, here and in
every child process.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack

from config.env import SettingError, read_environment
from launcher.generated_secrets import make_keys
from launcher.private_services import Services, embedded_services, held_folder
from launcher.processes import StartError, Stopped, end_with_parent, stoppable
from launcher.progress import Progress
from launcher.supervision import Part, supervise

INTERRUPTED = 130


def main() -> int:
    """Run one command; any failure ends in one line.

    Returns: the exit status: 0 when everything worked, 130 when it was stopped before that.
    """
    parser = argparse.ArgumentParser(prog="python -m launcher", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="start everything with a synthetic region and show one patient's record")
    demo.add_argument("--once", action="store_true", help="stop after the summary; exit 0 only if everything worked")
    demo.add_argument("--faults", action="store_true", help="have some sources fail and heal by themselves")
    commands.add_parser("services", help="run the private PostgreSQL and Redis until Ctrl-C")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    progress = Progress(write=_write)
    _end_with_make()
    try:
        with stoppable():
            if options.command == "services":
                run_services(progress=progress)
            else:
                run_demonstration(progress=progress, once=options.once, faults=options.faults)
    except (StartError, SettingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except Stopped:
        _write("\nStopped.\n")
        finished = options.command == "services" or (progress.up and not options.once)
        return 0 if finished else INTERRUPTED
    return 0


def run_services(*, progress: Progress) -> None:
    """Start the private services, say so, and keep them running until stopped.

    Raises: StartError; Stopped.
    """
    folder = read_environment().data_folder.absolute()

    def say_starting(name: str) -> None:
        progress.say(f"  starting {name}\n")

    with held_folder(folder=folder), embedded_services(folder=folder, say=say_starting) as running:
        make_keys(folder=folder)
        progress.say(
            "PostgreSQL and Redis are running; commands such as `manage.py migrate` will find them. "
            "Press Ctrl-C to stop them.\n"
        )
        supervise(parts=running.parts, say=progress.say)


def run_demonstration(*, progress: Progress, once: bool, faults: bool) -> None:
    """Start everything, show one record, then keep running unless `once`; with `faults` some sources fail and heal.

    Raises: StartError or SettingError when a part does not start; Stopped.
    """
    folder = read_environment().data_folder.absolute()
    with held_folder(folder=folder), ExitStack() as running:
        make_keys(folder=folder)
        services, private = _services(progress=progress, running=running)
        os.environ.update(services.as_environment())
        # Only now: these read Django's settings, which name the services.
        import django

        django.setup()
        from launcher.demonstration import Demonstration

        demonstration = Demonstration(
            folder=folder, services=services, private=private, progress=progress, faults=faults
        )
        demonstration.run(once=once)


def _services(*, progress: Progress, running: ExitStack) -> tuple[Services, tuple[Part, ...]]:
    """Return the configured services, or start private ones."""
    environment = read_environment()
    database_url, redis_url = environment.database_url.get_secret_value(), environment.redis_url.get_secret_value()
    if bool(database_url) != bool(redis_url):
        raise SettingError("Set both DATABASE_URL and REDIS_URL to use your own, or neither to use private ones.")
    if database_url:
        return Services(database_url, environment.database_owner_url.get_secret_value(), redis_url), ()
    with progress.step("PostgreSQL and Redis"):
        private = running.enter_context(embedded_services(folder=environment.data_folder.absolute()))
    return private.services, private.parts


def _end_with_make() -> None:
    """Stop when the `make` that started this is killed, so that the children stop too."""
    if os.environ.get("MAKELEVEL"):
        end_with_parent(stop_signal=signal.SIGTERM, parent=os.getppid())


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
