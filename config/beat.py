"""The clock: puts on the queue `upkeep`, again and again, what is to be done there. Run once; it does nothing itself.

`python -m celery --app config.beat beat`. Its schedule is this file, so it keeps none on disk: after a restart
everything is due once its interval has passed. It knows tasks by their names alone and loads none of them.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import beat_init
from django.conf import settings

from config import log
from config.celery import UPKEEP_QUEUE, Queues
from config.celery import app as workers
from config.process import forbid_core_files, require_no_owner

# How often waiting alerts are looked for. One that is raised is sent at once, if the queue takes it.
DELIVER_EVERY_S = 15.0
DELIVER = "aggregator.alerts.tasks.deliver"
# How often sources are looked for that are due to be checked, and how often all are judged.
LOOK_AT_SOURCES_EVERY_S = 5.0
SOURCES = {
    "check sources": "aggregator.health.tasks.check_sources",
    "judge sources": "aggregator.health.tasks.judge_sources",
}

# What is due again before a worker takes it need not be done twice.
_UPKEEP = {"queue": UPKEEP_QUEUE, "expires": DELIVER_EVERY_S}

app = Celery("longview-beat", set_as_current=False, amqp=Queues, fixups=[])
app.conf.update(
    **{name: workers.conf[name] for name in ("broker_url", "broker_transport_options", "task_serializer")},
    task_queues=workers.conf.task_queues,
    task_create_missing_queues=False,
    task_publish_retry_policy=workers.conf.task_publish_retry_policy,
    result_backend=None,
    broker_connection_max_retries=None,  # it waits for the broker however long that takes
    timezone="UTC",
    beat_scheduler="celery.beat:Scheduler",  # which keeps nothing on disk
    beat_schedule={
        **{
            words: {
                "task": task,
                "schedule": LOOK_AT_SOURCES_EVERY_S,
                "options": {"queue": UPKEEP_QUEUE, "expires": LOOK_AT_SOURCES_EVERY_S},
            }
            for words, task in SOURCES.items()
        },
        **{
            f"deliver alerts {words}": {
                "task": DELIVER,
                "schedule": DELIVER_EVERY_S,
                "args": (medium,),
                "options": _UPKEEP,
            }
            for medium, words in (("email", "by email"), ("webhook", "by webhook"))
        },
    },
)


@beat_init.connect
def start(**_: Any) -> None:
    """Log as every process does; refuse to start with what only `migrate` may have."""
    log.configure(settings.LOGGING)
    require_no_owner()
    forbid_core_files()
