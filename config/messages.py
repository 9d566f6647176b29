"""What a worker takes from the queue: the messages that we send, and nothing else.

Whoever can write to Redis can put anything there, and a message that Celery's transport cannot read ends its process.
So each is checked before the transport sees it. One that is not as we send it is dropped, which a log line says by the
class of what was wrong with it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import kombu.transport.redis
import msgspec
import structlog

from config.celery import app, queue_of

log = structlog.get_logger(__name__)

# Ours have less than 2 KB.
MOST_BYTES = 16_384
BUILT_IN = "celery."
# What stands between the name of a queue and a priority in a key: one that we do not send, and kombu reads.
PRIORITY = kombu.transport.redis.Channel.sep.encode()

_Name = Annotated[str, msgspec.Meta(max_length=100)]


class TooLarge(Exception):
    """A message is larger than any of ours."""


class UnknownTask(Exception):
    """A message names a task that is not ours, or that goes by another queue."""


class _Headers(msgspec.Struct, omit_defaults=True):
    """`eta` would make a worker hold the message until then, `shadow` would give it another name."""

    task: _Name
    id: _Name
    lang: Literal["py"]
    expires: datetime | None = None
    eta: None = None
    shadow: None = None
    compression: None = None


class _DeliveryInfo(msgspec.Struct):
    exchange: _Name
    routing_key: _Name


class _Properties(msgspec.Struct):
    delivery_tag: _Name
    delivery_info: _DeliveryInfo
    body_encoding: Literal["base64"]


class _Message(msgspec.Struct, rename={"content_type": "content-type", "content_encoding": "content-encoding"}):
    body: str
    content_type: Literal["application/json"]
    content_encoding: Literal["utf-8"]
    headers: _Headers
    properties: _Properties


class _Embedded(msgspec.Struct):
    """What else would be run after a task: nothing."""

    callbacks: None = None
    errbacks: None = None
    chain: None = None
    chord: None = None


_Plain = str | int | bool | None
_Arguments = tuple[Annotated[list[_Name], msgspec.Meta(max_length=4)], dict[str, _Plain], _Embedded]

_MESSAGES = msgspec.json.Decoder(_Message)
_BODIES = msgspec.json.Decoder(_Arguments)


def checked(*, message: bytes, tasks: Collection[str]) -> bytes:
    """Return a message made anew of what we know of it.

    Raises: TooLarge; UnknownTask; ValueError and RecursionError for one that is not formed as ours are.
    """
    if len(message) > MOST_BYTES:
        raise TooLarge
    read = _MESSAGES.decode(message)
    if read.headers.task not in tasks:
        raise UnknownTask
    _BODIES.decode(base64.b64decode(read.body, validate=True))
    return msgspec.json.encode(read)


def _taken(answer: Sequence[bytes] | None, **_: Any) -> Sequence[bytes] | None:
    """Return Redis's answer to BRPOP with the message checked; None, as for an empty queue, where it is dropped."""
    if not answer:
        return None
    key, message = answer
    queue = key.split(PRIORITY)[0].decode()
    tasks = [name for name in app.tasks if not name.startswith(BUILT_IN) and queue_of(name) == queue]
    try:
        return key, checked(message=message, tasks=tasks)
    except Exception as error:  # noqa: BLE001  a library reads what a stranger may have written
        log.warning("message_dropped", error=type(error).__name__)
        return None


class Channel(kombu.transport.redis.Channel):
    """A channel that delivers only what has been checked, and survives what Celery cannot handle all the same."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._sender: Any = None
        super().__init__(*arguments, **options)
        self.client.set_response_callback("BRPOP", _taken)

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[[Any], Any] | None,
        consumer_tag: str | None,
        **options: Any,
    ) -> Any:
        """Consume from a queue; a message that cannot be handled is taken off it."""

        def handle(message: Any) -> None:
            try:
                if callback:
                    callback(message)
            except kombu.transport.redis.Transport.connection_errors:
                raise
            except Exception as error:  # noqa: BLE001  one message must not end the worker
                log.warning("message_dropped", error=type(error).__name__)
                if not message.acknowledged:
                    message.reject()

        return super().basic_consume(queue, no_ack, handle, consumer_tag, **options)

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Return a client of the channel's pool. Kombu makes one for each command, which takes longer than most."""
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]  # the stubs do not know it
        if self._sender is None or self._sender.connection_pool is not self.pool:
            self._sender = super()._create_client()  # type: ignore[misc]
        return self._sender


class Transport(kombu.transport.redis.Transport):
    """Kombu's transport, with these channels."""

    Channel = Channel
