"""Writes code for plain data: objects that are read by attribute, and all that is in them.

Such code turns the value of a variable into what goes out. It raises, mostly Odd, as soon as
something is not as it should be; nothing has happened then, so graphql-core can do all of it again.
"""

from collections.abc import Mapping

from graphql import (
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

from compiled_documents.code import Code
from compiled_documents.columns import (
    PLAIN_COLUMNS,
    by_name,
    each_once,
    one_by_one,
    unless_odd,
)
from compiled_documents.leaves import condition_of, names_of, writer_of
from compiled_documents.resolvers import Attribute
from compiled_documents.runtime_types import Fitting, classes_of
from compiled_documents.selections import Field, Selection

Selections = Mapping[GraphQLObjectType, Selection]


class PlainWriter:
    """Writes into one module."""

    def __init__(self, schema: GraphQLSchema, code: Code) -> None:
        self._schema = schema
        self._code = code
        self._leaves: dict[GraphQLLeafType, tuple[str, str | None]] = {}

    def value(self, type_: GraphQLOutputType, variable: str, selections: Selections) -> None:
        """Complete the value of a variable, in place."""
        if is_non_null_type(type_):
            self._present(type_.of_type, variable, selections, nullable=False)
        else:
            self._present(type_, variable, selections, nullable=True)

    def _present(
        self, type_: GraphQLOutputType, variable: str, selections: Selections, *, nullable: bool
    ) -> None:
        if is_leaf_type(type_):
            self._leaf(type_, variable, nullable=nullable)
        elif nullable:
            with self._code.block(f"if {variable} is not None:"):
                self._composite(type_, variable, selections)
        else:
            self._composite(type_, variable, selections)

    def _leaf(self, leaf: GraphQLLeafType, variable: str, *, nullable: bool) -> None:
        write, names = self._leaf_names(leaf)
        condition = condition_of(leaf)
        present = f"{variable} is not None"
        written = f"{variable} = {write}({variable})"
        if condition is not None:
            is_plain = condition.format(v=variable)
            odd = f"{present} and not ({is_plain})" if nullable else f"not ({is_plain})"
            with self._code.block(f"if {odd}:"):
                self._code.add(written)
            return
        if names is not None:
            written = f"{variable} = {names}.get(id({variable})) or {write}({variable})"
        if nullable:
            with self._code.block(f"if {present}:"):
                self._code.add(written)
        else:
            self._code.add(written)

    def _leaf_names(self, leaf: GraphQLLeafType) -> tuple[str, str | None]:
        """Name what writes a leaf's values, and the names of its members if it is an enum."""
        named = self._leaves.get(leaf)
        if named is None:
            write, members = self._code.name("write", writer_of(leaf)), names_of(leaf)
            names = None if members is None else self._code.name("names", members)
            named = self._leaves[leaf] = write, names
        return named

    def _composite(self, type_: GraphQLOutputType, variable: str, selections: Selections) -> None:
        if is_list_type(type_):
            self._list(type_.of_type, variable, selections)
        elif is_abstract_type(type_):
            self._abstract(type_, variable, selections)
        else:
            selection = selections[get_named_type(type_)]  # type: ignore[index]
            self._fits(Fitting(selection.type), variable)
            self.object(selection, variable)

    def _fits(self, fitting: Fitting, variable: str) -> None:
        fits = self._code.name("fitting", fitting)
        with self._code.block(f"if {unfit(fits, fitting, variable)}:"):
            self._code.add(f"{fits}.check({variable})")

    def _list(self, item: GraphQLOutputType, variable: str, selections: Selections) -> None:
        code, done, each = self._code, self._code.new("done"), self._code.new("item")
        code.add(f"{done} = None")
        class_of = f"{variable}.__class__"
        with code.block(f"if {class_of} is not list and {class_of} is not tuple:"):
            with code.block(f"if not isinstance({variable}, Columns):"):
                code.add("raise Odd")
            if columns := self._columns(item, selections):
                code.add(f"{done} = {columns}.write({variable})")
        with code.block(f"if {done} is None:"):
            code.add(f"{done} = []")
            with code.block(f"for {each} in {variable}:"):
                self.value(item, each, selections)
                code.add(f"{done}.append({each})")
        code.add(f"{variable} = {done}")

    def _columns(self, item: GraphQLOutputType, selections: Selections) -> str | None:
        """Write what answers a list by column, and give its name; None: items are needed."""
        selection = next(iter(selections.values()), None)
        if selection is None or get_nullable_type(item) is not selection.type:
            return None
        columns = {
            field.key: (field, field.source.name)
            for field in selection.fields
            if isinstance(field.source, Attribute)
        }
        if not columns:
            return None
        code, name, rows = self._code, self._code.new("columns"), self._code.new("rows")
        variables = {key: code.new("value") for key in columns}
        written = [
            f"{field.key!r}: {variables.get(field.key) or repr(field.parent.name)}"
            for field in selection.fields
        ]
        taken = "".join(f"{variable}, " for variable in variables.values())
        with code.aside():
            writers = [
                f"({attribute!r}, {self._column(field)})" for field, attribute in columns.values()
            ]
            with code.block(f"def {rows}(*columns):"):
                code.add(f"return [{{{', '.join(written)}}} for {taken}in zip(*columns)]")
            code.add(f"{name} = ColumnsWriter([{', '.join(writers)}], {rows}, KEPT)")
        return name

    def _column(self, field: Field) -> str:
        """Write what writes a column, and give its expression."""
        complete, name = self.function(field), self._code.name
        leaf = get_nullable_type(field.type)
        if not is_leaf_type(leaf):
            return f"{name('each_once', each_once)}({complete})"
        _, names = self._leaf_names(leaf)
        if names is not None:
            return f"{name('by_name', by_name)}({names}, {complete})"
        if condition_of(leaf) is not None:
            are_plain = name("are_plain", PLAIN_COLUMNS[leaf.name])
            return f"{name('unless_odd', unless_odd)}({are_plain}, {complete})"
        return f"{name('one_by_one', one_by_one)}({complete})"

    def function(self, field: Field) -> str:
        """Write the function that completes a field's value, and give its name."""
        code, name = self._code, self._code.new("plain")
        with code.aside(), code.block(f"def {name}(value):"):
            self.value(field.type, "value", field.selections)
            code.add("return value")
        return name

    def _abstract(self, type_: GraphQLOutputType, variable: str, selections: Selections) -> None:
        code, word = self._code, "if"
        class_of = code.new("class")
        code.add(f"{class_of} = {variable}.__class__")
        for class_, object_type in classes_of(self._schema, type_).items():  # type: ignore[arg-type]
            with code.block(f"{word} {class_of} is {code.name('class', class_)}:"):
                if class_.__dictoffset__:
                    with code.block(f"if {CAST} in {variable}.__dict__:"):
                        code.add("raise Odd")
                self.object(selections[object_type], variable)
            word = "elif"
        with code.block("else:"):
            code.add("raise Odd")

    def object(self, selection: Selection, variable: str) -> None:
        """Read the fields of a variable's object, and make it the answer."""
        fields = [f"{field.key!r}: {self.field(field, variable)}" for field in selection.fields]
        self._code.add(f"{variable} = {{{', '.join(fields)}}}")

    def field(self, field: Field, source: str) -> str:
        """Complete a field of a variable's object; give the variable, or constant, of its value."""
        if not isinstance(field.source, Attribute):
            return repr(field.parent.name)
        variable = self._code.new("value")
        self._code.add(f"{variable} = {source}.{field.source.name}")
        self.value(field.type, variable, field.selections)
        return variable


#: Where `strawberry.cast` writes down what type an object is to be of.
CAST = repr(TYPE_CAST_ATTRIBUTE)


def unfit(fits: str, fitting: Fitting, variable: str) -> str:
    """Give the condition under which an object has to be looked at more closely."""
    condition = f"{variable}.__class__ not in {fits}"
    return f"{condition} or {CAST} in {variable}.__dict__" if fitting.can_be_cast else condition
