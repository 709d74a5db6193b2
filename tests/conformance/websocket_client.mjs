// The client of graphql-ws, end to end.

import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { expect, must, sleep } from "./checking.mjs";
import { cuttable } from "./cutting.mjs";
import { eventually, failureOf, Sink } from "./following.mjs";
import { given } from "./probes/probing.mjs";

/** A check that has a client, which notes what happens to its sockets. */
function check(name, run, options = {}) {
  return {
    name,
    run: async ({ server, atEnd }) => {
      const way = await cuttable(server.url);
      atEnd(way.end);
      const seen = { connecting: 0, connected: 0, closed: [], pongs: 0 };
      const client = createClient({
        url: way.url.replace(/^http/, "ws"),
        webSocketImpl: WebSocket,
        on: {
          connecting: () => seen.connecting++,
          connected: () => seen.connected++,
          closed: (event) => seen.closed.push(event.code),
          pong: (received) => received && seen.pongs++,
        },
        ...options,
        ...(options.token
          ? {
              connectionParams: async () => ({
                token: await server.dialect.startSession(),
              }),
            }
          : {}),
      });
      atEnd(() => client.dispose());
      await run(client, server.dialect, { seen, way });
    },
  };
}

/** Ask for one answer. */
async function ask(client, { query, variables }) {
  const sink = new Sink();
  client.subscribe({ query, variables }, sink);
  const values = await sink.end();
  expect(values.length, 1, "number of results");
  return values[0];
}

function follow(client, { query, variables }) {
  const sink = new Sink();
  sink.stop = client.subscribe({ query, variables }, sink);
  return sink;
}

export const websocketClient = [
  check("a query is answered", async (client, dialect) => {
    const { data, errors } = await ask(client, dialect.query);
    expect({ data, errors }, { data: dialect.query.data, errors: undefined }, "result");
  }),
  check("a mutation is answered", async (client, dialect) => {
    const { data } = await ask(client, dialect.mutation);
    must(data[dialect.mutation.field], "the mutation was not answered");
  }),
  check("a subscription is told values until it is left", async (client, dialect) => {
    const sink = follow(client, dialect.live);
    await sink.first();
    await sink.more(dialect);
    sink.stop();
    await sink.end();
  }),
  check("a subscription can be iterated over, and ends", async (client, dialect) => {
    const ending = given(dialect.ending, "subscription that ends by itself");
    const values = [];
    for await (const { data } of client.iterate({ query: ending.query })) values.push(data);
    expect(values, ending.values, "values");
  }),
  check(
    "leaving an iteration ends the operation and the lazy socket",
    async (client, dialect, { seen }) => {
      const { query, variables } = dialect.live;
      for await (const { data } of client.iterate({ query, variables })) {
        must(data, "a value without data");
        break;
      }
      await eventually(() => seen.closed.length === 1, "end of the socket");
      expect(seen.closed, [1000], "close codes");
    },
  ),
  check(
    "a lazy client connects for its first operation and leaves after its last",
    async (client, dialect, { seen }) => {
      await sleep(0.1);
      expect(seen.connecting, 0, "connections before the first operation");
      await ask(client, dialect.query);
      await eventually(() => seen.closed.length === 1, "end of the socket");
      await ask(client, dialect.query);
      await eventually(() => seen.closed.length === 2, "end of the second socket");
      expect(seen.connected, 2, "connections");
      expect(seen.closed, [1000, 1000], "close codes");
    },
  ),
  check(
    "an eager client connects at once and stays",
    async (client, dialect, { seen }) => {
      await eventually(() => seen.connected === 1, "connection");
      await ask(client, dialect.query);
      await ask(client, dialect.query);
      await sleep(0.1);
      expect(
        { connected: seen.connected, closed: seen.closed },
        { connected: 1, closed: [] },
        "sockets",
      );
    },
    { lazy: false, onNonLazyError: () => {} },
  ),
  check("two operations share a socket, and end each alone", async (client, dialect, { seen }) => {
    const [one, other] = [follow(client, dialect.live), follow(client, dialect.live)];
    await Promise.all([one.first(), other.first()]);
    one.stop();
    await one.end();
    await other.more(dialect);
    expect(seen.connected, 1, "connections");
  }),
  check("disposing of the client ends everything in order", async (client, dialect, { seen }) => {
    const sink = follow(client, dialect.live);
    await sink.first();
    await client.dispose();
    await sink.end();
    await eventually(() => seen.closed.length === 1, "end of the socket");
    expect(seen.closed, [1000], "close codes");
  }),
  check(
    "a token in connectionParams says who is asking",
    async (client, dialect) => {
      const { data } = await ask(client, dialect.who);
      must(data[dialect.who.field], "the server does not know who is asking");
    },
    { token: true },
  ),
  check(
    "a validation error is told, and leaves the other operations running",
    async (client, dialect, { seen }) => {
      const sink = follow(client, dialect.live);
      await sink.first();
      const failure = await failureOf(ask(client, { query: "{ thereIsNoFieldLikeThis }" }));
      must(Array.isArray(failure) && failure[0].message, `no list of errors: ${failure}`);
      await sink.more(dialect);
      expect(seen.connected, 1, "connections");
    },
  ),
  check(
    "a subscription goes on over a new socket after the old one broke",
    async (client, dialect, { seen, way }) => {
      const sink = follow(client, dialect.live);
      await sink.first();
      way.cut();
      await eventually(() => seen.connected === 2, "second connection");
      await sink.more(dialect);
    },
    { retryAttempts: 3, retryWait: () => sleep(0.05) },
  ),
  check(
    "the client's pings are answered",
    async (client, dialect, { seen }) => {
      const sink = follow(client, dialect.live);
      await sink.first();
      await eventually(() => seen.pongs >= 2, "pongs");
      expect(seen.closed, [], "closed sockets");
    },
    { keepAlive: 50 },
  ),
];
