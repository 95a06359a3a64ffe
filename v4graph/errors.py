"""Everything that can go wrong and be told to somebody, as one tree.

    V4GraphError                    slug, title and status on the class; detail and extras on the instance
    ├─ BadRequest 400               MalformedQuery · MalformedData · UnknownParameter
    ├─ NotAuthenticated 401
    ├─ NotAllowed 403               UpdateRefused · ServiceRefused · AddressRefused · NotYourGraph
    ├─ NotFound 404                 UnknownEntity · UnknownGraph · UnknownRevision · UnknownContribution
    │                               UnknownPartner
    ├─ MethodNotAllowed 405
    ├─ NotAcceptable 406
    ├─ WrongState 409               StaleCheck
    ├─ Gone 410
    ├─ PreconditionFailed 412       carries the difference
    ├─ TooLarge 413
    ├─ UnsupportedMediaType 415
    ├─ InvalidContribution 422      carries the Report
    ├─ TooManyRequests 429
    ├─ RulesBroken 500
    ├─ FetchFailed 502
    ├─ StoreError 500               StoreLocked 503 · StoreDamaged 500 · StorageFull 507 · NotWritable 503
    │                               LedgerBroken 500
    └─ Overloaded 503               QueryTimeout · QueryTooBig

The domain raises meaning; only this table knows HTTP. The web turns an error into ``application/problem+json``
(RFC 9457), the command line into a sentence and exit code 1.
"""

from __future__ import annotations

from typing import Any, ClassVar


class V4GraphError(Exception):
    """Base of all; ``detail`` is a sentence that says what is wrong and how to mend it."""

    slug: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, *, headers: dict[str, str] | None = None, **extras: Any) -> None:
        """``extras`` become members of the problem object."""
        super().__init__(detail)
        self.detail = detail
        self.headers = headers or {}
        self.extras = extras

    def __reduce__(self) -> tuple[Any, ...]:
        """An error that is told to another process stays what it is."""
        return _again, (type(self), self.detail, self.headers, self.extras)

    def problem(self, base_iri: str) -> dict[str, Any]:
        """The error as an RFC 9457 problem object."""
        return {
            "type": f"{base_iri}problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.extras,
        }


def _again(cls: type[V4GraphError], detail: str, headers: dict[str, str], extras: dict[str, Any]) -> V4GraphError:
    return cls(detail, headers=headers, **extras)


class BadRequest(V4GraphError):
    """The request breaks a rule of its protocol."""

    slug, title, status = "bad-request", "The request is not valid", 400


class MalformedQuery(BadRequest):
    """The query is not SPARQL; ``line``, ``column`` and ``hint`` say where and how to mend it."""

    slug, title = "malformed-query", "The query is not valid SPARQL"


class MalformedData(BadRequest):
    """A document is not what its media type says; ``line`` and ``column`` say where."""

    slug, title = "malformed-data", "The document cannot be read"


class UnknownParameter(BadRequest):
    """A parameter is missing, doubled, or has an impossible value."""

    slug, title = "bad-parameter", "A parameter is not valid"


class NotAuthenticated(V4GraphError):
    """The caller has not proved who it is; why is never said."""

    slug, title, status = "not-authenticated", "A valid token is needed", 401


class NotAllowed(V4GraphError):
    """The caller may not do this."""

    slug, title, status = "not-allowed", "This is not allowed", 403


class UpdateRefused(NotAllowed):
    """SPARQL Update against the public dataset."""

    slug, title = "update-refused", "The graph is changed by contributions, not by updates"


class ServiceRefused(NotAllowed):
    """A query asks the server to call another server."""

    slug, title = "service-refused", "Federated queries are not allowed here"


class AddressRefused(NotAllowed):
    """The address leads into a private network."""

    slug, title = "address-refused", "This address is not fetched from"


class NotYourGraph(NotAllowed):
    """The graph belongs to somebody else."""

    slug, title = "not-your-graph", "This graph belongs to somebody else"


class NotFound(V4GraphError):
    """There is nothing of this name."""

    slug, title, status = "not-found", "There is nothing here", 404


class UnknownEntity(NotFound):
    """No statement mentions this IRI."""

    slug, title = "unknown-entity", "The graph does not know this thing"


class UnknownGraph(NotFound):
    """No named graph has this IRI."""

    slug, title = "unknown-graph", "There is no such graph"


class UnknownRevision(NotFound):
    """The graph has no revision of this number."""

    slug, title = "unknown-revision", "There is no such revision"


class UnknownContribution(NotFound):
    """There is no contribution of this number that the caller may see."""

    slug, title = "unknown-contribution", "There is no such contribution"


class UnknownPartner(NotFound):
    """No partner has this name, or no token has this one."""

    slug, title = "unknown-partner", "There is no such partner"


class MethodNotAllowed(V4GraphError):
    """The resource exists, the method does not."""

    slug, title, status = "method-not-allowed", "The method is not allowed here", 405


class NotAcceptable(V4GraphError):
    """None of the media types the client accepts can be served; ``available`` lists what can."""

    slug, title, status = "not-acceptable", "No acceptable format", 406


class WrongState(V4GraphError):
    """What was asked does not fit the state that things are in."""

    slug, title, status = "wrong-state", "This is not possible in the present state", 409


class StaleCheck(WrongState):
    """The graph changed while a contribution was checked: it is to be checked again."""

    slug, title = "stale-check", "The graph changed meanwhile"


class Gone(V4GraphError):
    """The thing was withdrawn; the detail says why."""

    slug, title, status = "gone", "This was withdrawn", 410


class PreconditionFailed(V4GraphError):
    """The graph is not the one the caller changed; ``difference`` says what happened to it since."""

    slug, title, status = "precondition-failed", "Somebody else changed this meanwhile", 412


class TooLarge(V4GraphError):
    """A request or an answer is larger than the operator allows."""

    slug, title, status = "too-large", "Too large", 413


class UnsupportedMediaType(V4GraphError):
    """The request body has a type that is not read here."""

    slug, title, status = "unsupported-media-type", "The media type is not supported", 415


class InvalidContribution(V4GraphError):
    """The rules found violations; ``report`` says which."""

    slug, title, status = "invalid-contribution", "The contribution breaks the rules", 422


class RulesBroken(V4GraphError):
    """The rules themselves are at fault, not what they were applied to."""

    slug, title = "rules-broken", "The rules cannot be applied"


class TooManyRequests(V4GraphError):
    """One client has too many queries under way."""

    slug, title, status = "too-many-requests", "Too many queries at once", 429


class FetchFailed(V4GraphError):
    """Another server does not answer, or not with what was asked for."""

    slug, title, status = "fetch-failed", "The address does not answer as it should", 502


class StoreError(V4GraphError):
    """The store or the ledger cannot do its work."""

    slug, title = "store-error", "The store cannot answer"


class StoreLocked(StoreError):
    """Another process is publishing."""

    slug, title, status = "store-locked", "Another process is publishing", 503


class StoreDamaged(StoreError):
    """Files of the store are not what was written; it can be built again from the ledger."""

    slug, title = "store-damaged", "The store is damaged"


class StorageFull(StoreError):
    """There is no room to write."""

    slug, title, status = "storage-full", "The disk is full", 507


class NotWritable(StoreError):
    """The home may be read, not written."""

    slug, title, status = "not-writable", "Nothing can be written now", 503


class LedgerBroken(StoreError):
    """The chain of hashes of the ledger does not hold, or its file is not what was written."""

    slug, title = "ledger-broken", "The ledger is damaged, or was changed from outside"


class Overloaded(V4GraphError):
    """The service is at its limit; try again."""

    slug, title, status = "overloaded", "The service is busy", 503


class QueryTimeout(Overloaded):
    """The query did not finish within its deadline and was stopped."""

    slug, title = "query-timeout", "The query took too long"


class QueryTooBig(Overloaded):
    """The query needed more memory than a reader may use and was stopped."""

    slug, title = "query-too-big", "The query needed too much memory"
