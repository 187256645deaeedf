"""Types as schemas: made by the library that reads and writes them, in the words of AsyncAPI 3.

These are JSON Schema's draft 07, where msgspec and Pydantic write 2020-12; what differs between
the two in what they write is said in the old words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, UNSET, Raw, Struct, UnsetType, defstruct
from pydantic import TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]
"""What is taken from somebody, or what is given: of some types they differ."""

PLACE = "#/components/schemas/"

_Asked = tuple[Schema, Any, Mode]


class Schemas:
    """The schemas of a document, each type once.

    What `of` returns is filled in by `components`, when all types are known: only then can two
    of the same name be told apart.
    """

    def __init__(self) -> None:
        self._pydantic: list[_Asked] = []
        self._structs: dict[str, list[_Asked]] = {}

    def of(self, kind: Any, mode: Mode = "serialization", group: str = "") -> Schema:
        """The schema of `kind`, empty for any value and for a type that has none.

        Structs of a `group` are called by it, so that they get in the way of no others.
        """
        schema: Schema = {}
        if kind is Any:
            return schema
        if has_struct(kind):
            if _can(lambda: msgspec.json.schema(kind)):
                self._structs.setdefault(group, []).append((schema, kind, mode))
        elif _can(lambda: TypeAdapter(kind).json_schema(mode=mode)):
            self._pydantic.append((schema, kind, mode))
        return schema

    def components(self) -> dict[str, Schema]:
        """Every schema that has a name, by it."""
        adapters = [
            (number, mode, TypeAdapter(kind))
            for number, (_, kind, mode) in enumerate(self._pydantic)
        ]
        found, rest = TypeAdapter.json_schemas(adapters, ref_template=PLACE + "{model}")
        for number, (schema, _, mode) in enumerate(self._pydantic):
            schema.update(in_old_words(found[number, mode]))
        named: dict[str, Schema] = rest.get("$defs", {})
        for group, asked in self._structs.items():
            prefix = f"{group}." if group else ""
            schemas, components = _of_structs(asked, prefix)
            if named.keys() & components.keys():
                schemas, components = _of_structs(asked, prefix := "struct.")
            for (schema, _, _), made in zip(asked, schemas, strict=True):
                schema.update(in_old_words(made))
            named |= components
        return {name: in_old_words(named[name]) for name in sorted(named)}


def _of_structs(asked: list[_Asked], prefix: str) -> tuple[Iterable[Schema], dict[str, Schema]]:
    template = PLACE + prefix + "{name}"
    schemas, components = msgspec.json.schema_components(
        [kind for _, kind, _ in asked], ref_template=template
    )
    return schemas, {prefix + name: schema for name, schema in components.items()}


def _can(make: Callable[[], object]) -> bool:
    try:
        make()
    except (TypeError, PydanticUserError, PydanticUndefinedAnnotation):
        return False
    return True


def has_struct(kind: Any) -> bool:
    """Whether it is msgspec that knows `kind`: a struct, or a type made of some."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return True
    return any(map(has_struct, get_args(kind)))


def parts_of(kind: Any) -> list[Any]:
    """What a union is made of; of another type that type."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        return [one for one in get_args(kind) if one is not NoneType]
    return [kind]


def name_of(kind: Any) -> str:
    """What a type is called; empty for one without a name of its own."""
    named = isinstance(kind, type) and kind is not Any and not get_args(kind)
    return kind.__name__ if named else ""


@cache
def spelled_out(kind: type[Struct], **fields: Any) -> type[Struct]:
    """`kind` with other types for some fields: those that on the way are bytes already.

    JSON that may be left out is said to be so: that nothing is in it cannot be said in JSON. The
    same is the same type each time, because msgspec cannot tell two of one name apart.
    """
    made = []
    for field in msgspec.structs.fields(kind):
        type_, default = fields.get(field.name, field.type), field.default
        if type_ is Raw and default is not NODEFAULT:
            type_, default = Raw | UnsetType, UNSET
        if field.default_factory is not NODEFAULT:
            made.append((field.name, type_, msgspec.field(default_factory=field.default_factory)))
        else:
            made.append((field.name, type_, msgspec.field(default=default)))
    namespace = {"__doc__": kind.__doc__}
    return defstruct(kind.__name__, made, namespace=namespace, kw_only=True)


# From draft 2020-12 to draft 07. ---------------------------------------------------------------

_ONE = {"items", "additionalItems", "additionalProperties", "not", "if", "then", "else"} | {
    "contains",
    "propertyNames",
}
_MANY = {"anyOf", "oneOf", "allOf"}
_NAMED = {"properties", "patternProperties"}


def in_old_words(schema: Any) -> Any:
    """`schema` as draft 07 says it, with AsyncAPI's `discriminator`, which is another, left out."""
    if not isinstance(schema, dict):
        return schema
    made: Schema = {}
    for key, value in schema.items():
        if key == "discriminator":
            continue
        if key in _ONE:
            made[key] = in_old_words(value)
        elif key in _MANY or key == "prefixItems":
            made[key] = [in_old_words(one) for one in value]
        elif key in _NAMED:
            made[key] = {name: in_old_words(one) for name, one in value.items()}
        else:
            made[key] = value
    if "prefixItems" in made:
        first, rest = made.pop("prefixItems"), made.pop("items", True)
        made |= {"items": first, "additionalItems": rest}
    return made
