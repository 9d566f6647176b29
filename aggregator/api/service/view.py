"""What all views of the service API have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any, NoReturn

from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aggregator.accounts.requester import Requester
from aggregator.api.authentication import SessionRequester
from aggregator.api.service.problems import as_problem
from aggregator.api.service.serializers import Input, NoInput, T, read_input
from aggregator.errors import NotFound
from aggregator.services.changes.propose_change import propose_change
from fhir_data.errors import UnreadableEntry
from fhir_data.parsing import read_entry


class StrictJsonParser(BaseParser):
    """JSON in which nothing is said twice, nested without end or no text: as strict as what sources send is read."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        """Return the object of a body.

        Raises: ParseError.
        """
        return self.read(stream.read())

    def read(self, content: bytes) -> dict[str, Any]:
        """Return the object of a body that has been read.

        Raises: ParseError.
        """
        try:
            return read_entry(entry=content)
        except UnreadableEntry:
            raise ParseError from None


class IsRequester(BasePermission):
    """Lets users through who are signed in; services decide what they may do."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether there is a requester."""
        return isinstance(request.auth, Requester)


class ProposedOutput(serializers.Serializer[Any]):
    """A change that gives more rights: it is made once another administrator has confirmed it."""

    change = serializers.UUIDField(source="change_id")


class ServiceView(APIView):
    """A view of this door; only for signed-in users."""

    authentication_classes = [SessionRequester]
    permission_classes = [IsRequester]
    parser_classes = [StrictJsonParser]
    renderer_classes = [JSONRenderer]
    # What a request's address may bring.
    query_input: type[Input] = NoInput

    def get_exception_handler(self) -> Callable[[Exception, Any], Response]:
        """Return what makes problem JSON of errors."""
        return as_problem

    @property
    def requester(self) -> Requester:
        """Who is asking.

        Raises: NotAuthenticated when a view let somebody through without authenticating them.
        """
        requester: object = self.request.auth
        if not isinstance(requester, Requester):
            raise NotAuthenticated
        return requester

    def body(self, serializer: type[T], /) -> dict[str, Any]:
        """Return the checked body of the request.

        Raises: InvalidFields.
        """
        return read_input(serializer, data=self.request.data)

    def query(self) -> dict[str, Any]:
        """Return the checked parameters of the address; of one that stands twice, the last.

        Raises: InvalidFields.
        """
        return read_input(self.query_input, data=self.request.query_params.dict())

    def propose(self, *, kind: str, terms: Mapping[str, object]) -> Response:
        """Propose a change that gives more rights, as the pages do. Its `reason` is one of the terms."""
        texts = {name: "" if value is None else str(value) for name, value in terms.items()}
        proposed = propose_change(
            requester=self.requester, kind=kind, terms=texts, reason=texts["reason"], now=timezone.now()
        )
        return Response(ProposedOutput(proposed).data, status=202)


class Unknown(ServiceView):
    """Every address under this door that no other view serves."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Return 404."""
        raise NotFound

    def http_method_not_allowed(self, request: HttpRequest | Request, *args: Any, **kwargs: Any) -> NoReturn:
        """Answer 404 whatever the method is: "not supported here" would say that there is something.

        Raises: NotFound.
        """
        raise NotFound
