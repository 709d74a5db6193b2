"""Every mistake of a client is logged as an error of the server.

A syntax error, an unknown field, a variable of a wrong type: whoever sends nonsense fills the log,
and what went wrong on the server cannot be told from it. Overriding `Schema.process_errors` helps.
"""

import logging

import strawberry


class Counting(logging.Handler):
    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        Counting.count += record.levelno == logging.ERROR


@strawberry.type
class Query:
    @strawberry.field
    def double(self, number: int) -> int:
        return 2 * number


logging.basicConfig(handlers=[Counting()], force=True)
schema = strawberry.Schema(Query)
for query in ("{", "{ nowhere }", '{ double(number: "x") }'):
    schema.execute_sync(query)

print("expected: 0 errors in the log")
print("happens: ", Counting.count, "errors in the log")
assert Counting.count == 3, "mended"
