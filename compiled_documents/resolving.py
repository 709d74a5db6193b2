"""Writes code for fields with resolvers, and for objects and lists that have such in them.

Of each field with a resolver there is a function `field(run, source, trail)`, which gives its
completed value or a coroutine of it, and has its errors collected; of each object a function
`object(run, source, trail)`; of each type of a value a function `value(run, value, trail)`, which
raises what is wrong. `wait` goes on with a field when its resolver's awaitable has come.
"""

from collections.abc import Sequence
from itertools import groupby
from types import CoroutineType

from graphql import (
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
)

from compiled_documents.code import Code
from compiled_documents.columns import Columns, ColumnsWriter
from compiled_documents.infos import PlannedInfo
from compiled_documents.kept import KeptBlocks
from compiled_documents.oddities import Odd, is_awaitable
from compiled_documents.plain import CAST, PlainWriter, unfit
from compiled_documents.resolvers import Attribute, Call, Event, Unknown
from compiled_documents.running import gather_fields
from compiled_documents.runtime_types import Fitting, classes_of
from compiled_documents.selections import Field, Selection

_PARAMETERS = "(run, source, trail)"


class ResolvingWriter:
    """Writes a whole operation into one module."""

    def __init__(self, schema: GraphQLSchema, kept: KeptBlocks) -> None:
        """`kept` is where lists by column are kept when they are written."""
        self._schema = schema
        self.code = Code(
            Odd=Odd,
            CoroutineType=CoroutineType,
            Info=PlannedInfo,
            is_awaitable=is_awaitable,
            gather_fields=gather_fields,
            Columns=Columns,
            ColumnsWriter=ColumnsWriter,
            KEPT=kept,
        )
        self._plain = PlainWriter(schema, self.code)

    def object(self, selection: Selection) -> str:
        """Write the function of an object, and give its name."""
        code, name = self.code, self.code.new("object")
        with code.aside(), code.block(f"def {name}{_PARAMETERS}:"):
            code.add("results = {}")
            code.add("waiting = []")
            with code.block("try:"):
                code.add("pass")  # Directives may have left nothing.
                for are_plain, group in groupby(selection.fields, lambda field: field.is_plain):
                    if are_plain:
                        self._add_plain(tuple(group))
                        continue
                    for field in group:
                        self._add_resolved(field)
            with code.block("except Exception:"):
                code.add("run.abandon([results[key] for key in waiting])")
                code.add("raise")
            code.add("return gather_fields(results, waiting) if waiting else results")
        return name

    def _add_plain(self, fields: Sequence[Field]) -> None:
        """Add fields of plain data, all of them or, where one is odd, by graphql-core."""
        code = self.code
        code.add("odd = False")
        with code.block("try:"):
            values = [self._plain.field(field, "source") for field in fields]
            for field, value in zip(fields, values, strict=True):
                code.add(f"results[{field.key!r}] = {value}")
        with code.block("except Exception:"):
            code.add("odd = True")
        with code.block("if odd:"):
            known = code.name("FIELDS", fields)
            code.add(f"run.execute_fields({known}, source, trail, results, waiting)")

    def _add_resolved(self, field: Field) -> None:
        code, key = self.code, repr(field.key)
        trail = f"(trail, {key}, {field.parent.name!r})"
        code.add(f"results[{key}] = value = {self._field(field)}(run, source, {trail})")
        with code.block("if value.__class__ is CoroutineType:"):
            code.add(f"waiting.append({key})")

    def _field(self, field: Field) -> str:
        """Write the function of a field, and give its name."""
        code, name, known = self.code, self.code.new("field"), self.code.name("FIELD", field)
        with code.aside():
            if isinstance(field.source, Unknown):
                with code.block(f"def {name}{_PARAMETERS}:"):
                    code.add(f"return run.execute_field({known}, source, trail)")
                return name
            if field.has_plain_value:
                complete = self._plain.function(field)
            else:
                complete = self._value(field, field.type, known)
            wait = self._wait(field, known, complete)
            with code.block(f"def {name}{_PARAMETERS}:"):
                self._add_arguments(field, known)
                with code.block("try:"):
                    code.add(f"value = {self._got(field, known)}")
                with code.block("except Exception as error:"):
                    code.add(f"return run.fail({known}, error, trail)")
                if isinstance(field.source, Call) and field.source.is_async:
                    code.add(f"return {wait}(run, value, trail)")
                    return name
                with code.block("if is_awaitable(value):"):
                    code.add(f"return {wait}(run, value, trail)")
                self._add_completed(field, known, complete, awaits="")
        return name

    def _wait(self, field: Field, known: str, complete: str) -> str:
        """Write how a field goes on when its resolver's awaitable has come."""
        code, name = self.code, self.code.new("wait")
        with code.block(f"async def {name}(run, awaitable, trail):"):
            with code.block("try:"):
                code.add("value = await awaitable")
            with code.block("except Exception as error:"):
                code.add(f"return run.fail({known}, error, trail)")
            self._add_completed(field, known, complete, awaits="await ")
        return name

    def _add_arguments(self, field: Field, known: str) -> None:
        """Read what depends on variables; where that fails, graphql-core says what is wrong."""
        if isinstance(field.source, Call | Event) and callable(field.source.arguments):
            arguments = self.code.name("arguments", field.source.arguments)
            with self.code.block("try:"):
                self.code.add(f"arguments = {arguments}(run)")
            with self.code.block("except Exception:"):
                self.code.add("arguments = None")
            with self.code.block("if arguments is None:"):
                self.code.add(f"return run.execute_field({known}, source, trail)")

    def _got(self, field: Field, known: str) -> str:
        """Give the expression of a field's value before it is completed."""
        how = field.source
        if isinstance(how, Attribute):
            return f"source.{how.name}"
        if not isinstance(how, Call):
            return "source"
        taken = ["source"] if how.takes_source_first or how.field is None else []
        if how.field is None:
            taken.append(f"run.info({known}, trail)")
        taken += [f"{name}=source" for name in sorted(how.source_names)]
        if how.info_name is not None:
            taken.append(f"{how.info_name}=Info(run, {known}, trail)")
        if callable(how.arguments):
            taken.append("**arguments")
        elif how.arguments:
            taken.append(f"**{self.code.name('constants', how.arguments)}")
        return f"{self.code.name('resolve', how.function)}({', '.join(taken)})"

    def _add_completed(self, field: Field, known: str, complete: str, *, awaits: str) -> None:
        """Add what completes `value` and returns; `awaits` where the code may wait itself."""
        code = self.code
        if field.has_plain_value:
            with code.block("try:"):
                code.add(f"return {complete}(value)")
            with code.block("except Exception:"):
                code.add("pass")
            code.add(f"completed = run.complete({known}, value, trail)")
            if awaits:
                code.add("return await completed if is_awaitable(completed) else completed")
            else:
                code.add("return completed")
            return
        with code.block("try:"):
            code.add(f"completed = {complete}(run, value, trail)")
            with code.block("if completed.__class__ is CoroutineType:"):
                if awaits:
                    code.add("return await completed")
                else:
                    code.add(f"return run.guard({known}, completed, trail)")
            code.add("return completed")
        with code.block("except Exception as error:"):
            code.add(f"return run.fail({known}, error, trail)")

    def _value(self, field: Field, type_: GraphQLOutputType, known: str) -> str:
        """Write the function of a value that has resolvers in it, and give its name."""
        code, name, named = self.code, self.code.new("value"), self.code.name("TYPE", type_)
        core = f"return run.complete_value({known}, {named}, value, trail)"
        with code.aside():
            inner = type_.of_type if is_non_null_type(type_) else type_
            complete_item = self._value(field, inner.of_type, known) if is_list_type(inner) else ""
            with code.block(f"def {name}(run, value, trail):"):
                if inner is type_:
                    with code.block("if value is None:"):
                        code.add("return None")
                if is_list_type(inner):
                    with code.block("if value.__class__ is list or value.__class__ is tuple:"):
                        item = code.name("TYPE", inner.of_type)
                        code.add(
                            f"return run.complete_items({known}, {item}, value, trail,"
                            f" {complete_item})"
                        )
                    with code.block("if isinstance(value, Columns):"):
                        code.add(f"return {name}(run, list(value), trail)")
                elif is_abstract_type(inner):
                    self._add_abstract(field, inner)
                else:
                    selection = field.selections[get_named_type(inner)]  # type: ignore[index]
                    fitting = Fitting(selection.type)
                    fits = code.name("fitting", fitting)
                    odd = f"({unfit(fits, fitting, 'value')}) and not {fits}.suits(value)"
                    with code.block(f"if {odd}:"):
                        code.add(core)
                    code.add(f"return {self.object(selection)}(run, value, trail)")
                    return name
                code.add(core)
        return name

    def _add_abstract(self, field: Field, type_: GraphQLOutputType) -> None:
        """Go on by the class of the value, as far as classes decide."""
        code = self.code
        for class_, object_type in classes_of(self._schema, type_).items():  # type: ignore[arg-type]
            condition = f"value.__class__ is {code.name('class', class_)}"
            if class_.__dictoffset__:
                condition += f" and {CAST} not in value.__dict__"
            with code.block(f"if {condition}:"):
                code.add(f"return {self.object(field.selections[object_type])}(run, value, trail)")
