// Operations that cannot be run: each is told so under its id, and nobody else suffers.

import { expect, must, show } from "../checking.mjs";
import { follow, given, goesOn, introduced } from "./probing.mjs";

const SYNTAX_ERROR = { query: "{ hello" };
const VALIDATION_ERROR = { query: "{ thereIsNoFieldLikeThis }" };
const SEVERAL = { query: "query One { __typename } query Two { __typename }" };
const EMPTY = { query: "" };
const ONLY_A_FRAGMENT = { query: "fragment Some on Query { __typename }" };

/** Check the error message of an operation: its shape, and that it is the last one. */
async function isRefused(socket, id, operation, more) {
  socket.subscribe(id, operation, more);
  await socket.end(id);
  await socket.isSilent(id);
  const messages = socket.under(id);
  expect(
    messages.map(({ type }) => type),
    ["error"],
    `messages of ${id}`,
  );
  areErrors(messages[0].payload);
}

function areErrors(errors) {
  must(Array.isArray(errors) && errors.length > 0, `errors are a list, found ${show(errors)}`);
  for (const { message } of errors) must(typeof message === "string", "an error has a message");
}

const refused = (what, operation, more) =>
  introduced(`${what} is told as error, and by nothing after it`, (socket) =>
    isRefused(socket, "wrong", operation, more),
  );

const leavesOthers = (what, operation, more) =>
  introduced(`${what} leaves the other operations running`, async (socket, dialect) => {
    await follow(socket, dialect);
    socket.subscribe("wrong", operation, more);
    await socket.end("wrong");
    await goesOn(socket, dialect);
  });

/** What is known only once the operation runs: some servers tell it as error, some as a result. */
async function failureOf(socket, id) {
  const messages = await socket.end(id);
  const last = messages.at(-1);
  const failed = last.type === "error" ? last.payload : messages.at(-2)?.payload.errors;
  areErrors(failed);
  return messages;
}

export const wrongOperations = [
  refused("a syntax error", SYNTAX_ERROR),
  refused("a validation error", VALIDATION_ERROR),
  refused("an unknown operationName", SEVERAL, { operationName: "Three" }),
  refused("a document of several operations without operationName", SEVERAL),
  refused("an empty document", EMPTY),
  refused("a document without any operation", ONLY_A_FRAGMENT),

  leavesOthers("a syntax error", SYNTAX_ERROR),
  leavesOthers("a validation error", VALIDATION_ERROR),
  leavesOthers("an unknown operationName", SEVERAL, { operationName: "Three" }),
  leavesOthers("a document of several operations without operationName", SEVERAL),
  leavesOthers("an empty document", EMPTY),

  introduced(
    "a variable of a wrong type is told, and the socket stays open",
    async (socket, dialect) => {
      socket.subscribe("wrong", dialect.wrongVariables);
      await failureOf(socket, "wrong");
      await socket.isOpen();
    },
  ),
  introduced("a missing variable is told, and the socket stays open", async (socket, dialect) => {
    socket.subscribe("wrong", { query: dialect.wrongVariables.query });
    await failureOf(socket, "wrong");
    await socket.isOpen();
  }),
  introduced(
    "a subscription that fails at its start is told, and leaves the others running",
    async (socket, dialect) => {
      const failing = given(dialect.failsFirst, "subscription that fails");
      await follow(socket, dialect);
      socket.subscribe("wrong", failing);
      await failureOf(socket, "wrong");
      await goesOn(socket, dialect);
    },
  ),
  introduced(
    "a subscription that fails later is told, and leaves the others running",
    async (socket, dialect) => {
      const failing = given(dialect.failsLater, "subscription that fails");
      await follow(socket, dialect);
      socket.subscribe("wrong", failing);
      const [first] = await failureOf(socket, "wrong");
      expect(first.payload.data, failing.first, "the value before");
      await goesOn(socket, dialect);
    },
  ),
  introduced("nothing comes after the failure of a subscription", async (socket, dialect) => {
    socket.subscribe("wrong", given(dialect.failsLater, "subscription that fails"));
    await failureOf(socket, "wrong");
    const messages = socket.under("wrong").length;
    await socket.isSilent("wrong");
    expect(socket.under("wrong").length, messages, "messages");
  }),
];
