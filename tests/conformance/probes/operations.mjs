// Queries, mutations and subscriptions that have nothing wrong with them.

import { expect, must, sleep } from "../checking.mjs";
import { follow, given, goesOn, introduced } from "./probing.mjs";

const LARGE_CHARACTERS = 15_000;

/** Ask for one answer, and check that it is one next and one complete. */
async function answerOf(socket, id, operation, more) {
  socket.subscribe(id, operation, more);
  const messages = await socket.end(id);
  expect(
    messages.map(({ type }) => type),
    ["next", "complete"],
    `messages of ${id}`,
  );
  return messages[0].payload;
}

async function isAnswered(socket, id, operation, more) {
  const payload = await answerOf(socket, id, operation, more);
  expect(payload.errors, undefined, "errors");
  expect(payload.data, operation.data, "data");
}

export const operations = [
  introduced("a query is answered by next and complete", (socket, dialect) =>
    isAnswered(socket, "1", dialect.query),
  ),
  introduced("a mutation is answered by next and complete", async (socket, dialect) => {
    const { data } = await answerOf(socket, "1", dialect.mutation);
    must(data[dialect.mutation.field], "the mutation was not answered");
  }),
  introduced("a subscription is told each value, and its end", async (socket, dialect) => {
    const ending = given(dialect.ending, "subscription that ends by itself");
    socket.subscribe("1", ending);
    const messages = await socket.end("1");
    const types = [...ending.values.map(() => "next"), "complete"];
    expect(
      messages.map(({ type }) => type),
      types,
      "messages",
    );
    expect(
      messages.slice(0, -1).map(({ payload }) => payload.data),
      ending.values,
      "values",
    );
  }),
  introduced("a subscription goes on until somebody ends it", async (socket, dialect) => {
    await follow(socket, dialect);
    await goesOn(socket, dialect);
  }),
  introduced("variables are passed on", (socket, dialect) =>
    isAnswered(socket, "1", dialect.withVariables),
  ),
  introduced("operationName chooses one of several operations", (socket, dialect) => {
    const { query, ...rest } = dialect.withVariables;
    const several = { query: `query Other { __typename } ${query}`, ...rest };
    return isAnswered(socket, "1", several, { operationName: "Named" });
  }),
  introduced("null operationName, variables and extensions count as absent", (socket, dialect) =>
    isAnswered(socket, "1", dialect.query, {
      operationName: null,
      variables: null,
      extensions: null,
    }),
  ),
  introduced("extensions may be passed", (socket, dialect) =>
    isAnswered(socket, "1", dialect.query, { extensions: { trace: { id: 7 } } }),
  ),
  introduced("a field that fails is told beside the data", async (socket, dialect) => {
    const { data, errors } = await answerOf(socket, "1", dialect.partial);
    expect(data, dialect.partial.data, "data");
    expect(
      errors?.map(({ path }) => path),
      [dialect.partial.path],
      "paths of the errors",
    );
  }),
  introduced("a large message is read", (socket, dialect) => {
    const { query, ...rest } = dialect.withVariables;
    const large = { query, ...rest };
    large.variables = { ...rest.variables };
    const extensions = { ballast: "x".repeat(LARGE_CHARACTERS) };
    return isAnswered(socket, "1", large, { extensions });
  }),
  introduced("ids may be any text", (socket, dialect) =>
    isAnswered(socket, 'ünï "quoted" \\ 🎭', dialect.query),
  ),
  introduced("an id may be that of something every object has", (socket, dialect) =>
    isAnswered(socket, "__proto__", dialect.query),
  ),

  introduced("several operations run at the same time", async (socket, dialect) => {
    for (const id of ["a", "b", "c"]) socket.subscribe(id, dialect.live);
    for (const id of ["a", "b", "c"]) await socket.of("next", id);
    for (const id of ["a", "b", "c"]) await goesOn(socket, dialect, id);
  }),
  introduced("a query is answered while a subscription runs", async (socket, dialect) => {
    await follow(socket, dialect);
    await isAnswered(socket, "q", dialect.query);
    await goesOn(socket, dialect);
  }),
  introduced("a quick query is not held up by a slow one", async (socket, dialect) => {
    socket.subscribe("slow", given(dialect.slow, "query that takes its time"));
    await isAnswered(socket, "quick", dialect.query);
    expect(socket.under("slow"), [], "messages of the slow one so far");
    await socket.end("slow");
  }),
  introduced("a ping is answered while operations run", async (socket, dialect) => {
    await follow(socket, dialect);
    await socket.isOpen();
  }),
  introduced("an id in use closes the socket", async (socket, dialect) => {
    await follow(socket, dialect, "twice");
    socket.subscribe("twice", dialect.live);
    await socket.isClosed(4409, "Subscriber for twice already exists");
  }),
  introduced(
    "an id in use by another type of operation closes the socket",
    async (socket, dialect) => {
      await follow(socket, dialect, "twice");
      socket.subscribe("twice", dialect.query);
      await socket.isClosed(4409, "Subscriber for twice already exists");
    },
  ),
  introduced("an id is free again after its answer", async (socket, dialect) => {
    for (let turn = 0; turn < 3; turn++) {
      await isAnswered(socket, "again", dialect.query);
      socket.messages = [];
    }
  }),
  introduced("an id is free again after an error", async (socket, dialect) => {
    socket.subscribe("again", { query: "{ thereIsNoFieldLikeThis }" });
    await socket.end("again");
    socket.messages = [];
    await isAnswered(socket, "again", dialect.query);
  }),
  introduced("an id is free again after the client's complete", async (socket, dialect) => {
    await follow(socket, dialect, "again");
    socket.say({ id: "again", type: "complete" });
    await socket.isSilent("again");
    socket.messages = [];
    await isAnswered(socket, "again", dialect.query);
  }),

  introduced("the client's complete ends a subscription", async (socket, dialect) => {
    await follow(socket, dialect);
    socket.say({ id: "live", type: "complete" });
    await socket.isOpen();
    await dialect.stir();
    await socket.isSilent("live");
  }),
  introduced("the client's complete is not answered by complete", async (socket, dialect) => {
    await follow(socket, dialect);
    socket.say({ id: "live", type: "complete" });
    await socket.isSilent("live");
    expect(
      socket.under("live").filter(({ type }) => type !== "next"),
      [],
      "other messages",
    );
  }),
  introduced("the client's complete ends only what it names", async (socket, dialect) => {
    await follow(socket, dialect, "one");
    await follow(socket, dialect, "other");
    socket.say({ id: "one", type: "complete" });
    await socket.isSilent("one");
    await goesOn(socket, dialect, "other");
  }),
  introduced("no result comes after the client's complete of a query", async (socket, dialect) => {
    const slow = given(dialect.slow, "query that takes its time");
    socket.subscribe("slow", slow);
    await socket.isOpen();
    socket.say({ id: "slow", type: "complete" });
    await sleep(slow.seconds + 0.2);
    expect(socket.under("slow"), [], "messages of the completed query");
    await socket.isOpen();
  }),
  introduced("complete of an unknown id is ignored", async (socket, dialect) => {
    socket.say({ id: "nobody", type: "complete" });
    await isAnswered(socket, "1", dialect.query);
  }),
  introduced("complete of what is over is ignored", async (socket, dialect) => {
    await isAnswered(socket, "1", dialect.query);
    socket.say({ id: "1", type: "complete" });
    socket.say({ id: "1", type: "complete" });
    await socket.isOpen();
  }),
];
