"""Documents that are known before anybody asks: by their hash, as a client's build wrote them down.

A manifest is either `{"<sha256>": "<document>"}`, as urql and Relay write it, or Apollo's
`{"format": "apollo-persisted-query-manifest", "operations": [{"id": …, "body": …}]}`. Clients then
send `extensions.persistedQuery.sha256Hash` in place of the document, by the protocol that Apollo
made common. In locked mode nothing else is run.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from onsale.graphql.requests import OperationRequest
from schema.errors import ErrorCode


class UnknownDocument(Exception):  # noqa: N818 - named for what happened.
    """There is no document to run; the code says what the client can do about it."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class TrustedDocuments:
    """The documents of a manifest, by the SHA-256 of their text."""

    def __init__(self, documents: Mapping[str, str] | None = None, *, locked: bool = False) -> None:
        self._documents = dict(documents or {})
        #: Whether nothing but these may be run.
        self.locked = locked

    def text_of(self, request: OperationRequest) -> str:
        """Give the document that a request means. Raises UnknownDocument."""
        asked = request.document_hash
        if request.query is None:
            return self._known(asked or "")
        if asked is not None and asked != hash_of(request.query):
            message = "The hash in `extensions.persistedQuery` is that of another document."
            raise UnknownDocument(ErrorCode.BAD_REQUEST, message)
        if self.locked and hash_of(request.query) not in self._documents:
            raise UnknownDocument(
                ErrorCode.DOCUMENT_NOT_TRUSTED,
                "This server runs only the documents that its own clients were built with.",
            )
        return request.query

    def _known(self, asked: str) -> str:
        text = self._documents.get(asked)
        if text is not None:
            return text
        # Apollo's and urql's clients look for these very messages, and then send the document.
        if self._documents:
            raise UnknownDocument(ErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
        raise UnknownDocument(ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")


def hash_of(text: str) -> str:
    """Give the hash that a document is known by."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(path: Path) -> dict[str, str]:
    """Read a manifest. Raises OSError, or ValueError that says what is wrong with it."""
    try:
        manifest = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as fault:
        raise ValueError(f"this is no JSON: {fault}") from None
    documents = _documents(manifest)
    for asked, text in documents.items():
        if asked != hash_of(text):
            raise ValueError(f"{asked[:80]!r} is not the SHA-256 of the document it stands for")
    return documents


def _documents(manifest: Any) -> dict[str, str]:
    """Take the documents from either form."""
    if not isinstance(manifest, dict):
        raise ValueError("it must be a JSON object of documents by their SHA-256")  # noqa: TRY004
    operations = manifest.get("operations")
    try:
        pairs = (
            [(operation["id"], operation["body"]) for operation in operations]
            if isinstance(operations, list)
            else list(manifest.items())
        )
    except (TypeError, KeyError):
        raise ValueError("each of its operations must have an `id` and a `body`") from None
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise ValueError("hashes and documents must be strings")
    return {asked.lower().removeprefix("sha256:"): text for asked, text in pairs}
