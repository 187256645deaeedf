"""How the server API stands in the OpenAPI document, and the shapes of `batch`.

Schemas are written out where they are used: FastAPI's document has no place where a route could
put those of msgspec.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, defstruct

from hubbub.embed.api_bodies import ErrorBody
from hubbub.embed.api_methods import METHODS, Method

ERROR_MODE = "X-Centrifugo-Error-Mode"

Schema = dict[str, Any]

BatchCommand: type[Struct] = defstruct(
    "BatchCommand",
    [(name, method.request | None, None) for name, method in METHODS.items()],
    namespace={"__doc__": "One of them is set."},
)


class BatchRequest(Struct):
    commands: list[BatchCommand] = []  # type: ignore[valid-type] # made of the table
    parallel: bool | None = None


_ERROR_MODE_PARAMETER = {
    "name": ERROR_MODE,
    "in": "header",
    "required": False,
    "description": '"transport" has errors answered as HTTP statuses, with the error as the body.',
    "schema": {"type": "string", "enum": ["transport"]},
}

_REFUSALS: dict[int | str, Schema] = {
    400: {"description": "The body is not what the method takes."},
    401: {"description": "The key is none, or missing."},
    413: {"description": "The body is too large."},
}


def schema_of(kind: Any) -> Schema:
    """The JSON schema of a type, without references."""
    (schema,), definitions = msgspec.json.schema_components([kind])
    whole: Schema = _written_out(schema, definitions)
    return whole


def operation(method: Method) -> Schema:
    """What FastAPI is told of a method's route."""
    result = {
        "type": "object",
        "properties": {"result": schema_of(method.result)},
        "required": ["result"],
    }
    error = {
        "type": "object",
        "properties": {"error": schema_of(ErrorBody)},
        "required": ["error"],
    }
    told = _operation(method.summary, method.request, {"anyOf": [result, error]})
    told["openapi_extra"]["parameters"] = [_ERROR_MODE_PARAMETER]
    return told


def batch_operation() -> Schema:
    names = {name: schema_of(method.result) for name, method in METHODS.items()}
    reply = {
        "type": "object",
        "description": "The method's result under its name, or an error.",
        "properties": {**names, "error": schema_of(ErrorBody)},
    }
    replies = {
        "type": "object",
        "properties": {"replies": {"type": "array", "items": reply}},
        "required": ["replies"],
    }
    return _operation("Carry out many commands in their order", BatchRequest, replies)


def _operation(summary: str, request: type[Struct], answer: Schema) -> Schema:
    body = {"required": True, "content": {"application/json": {"schema": schema_of(request)}}}
    done = {
        "description": "The result, or an error of the protocol.",
        "content": {"application/json": {"schema": answer}},
    }
    return {
        "summary": summary,
        "responses": {200: done, **_REFUSALS},
        "openapi_extra": {"requestBody": body},
    }


def _written_out(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_written_out(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _written_out(definitions[name], definitions)
    return {key: _written_out(value, definitions) for key, value in schema.items()}
