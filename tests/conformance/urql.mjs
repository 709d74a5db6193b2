// @urql/core with its default settings: fetch for queries and mutations, graphql-ws for the rest.

import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { expect, must } from "./checking.mjs";
import { Sink } from "./following.mjs";

/** A check that has a client, which notes its requests. */
function check(name, run, options = {}) {
  return {
    name,
    run: async ({ server, atEnd }) => {
      const requests = [];
      const token = await server.dialect.startSession();
      const sockets = createClient({
        url: server.url.replace(/^http/, "ws"),
        webSocketImpl: WebSocket,
        connectionParams: { token },
      });
      atEnd(() => sockets.dispose());
      const client = new Client({
        url: server.url,
        exchanges: [cacheExchange, fetchExchange, overSockets(sockets)],
        fetchOptions: { headers: { authorization: `Bearer ${token}` } },
        fetch: (url, init) => {
          requests.push({
            method: init.method,
            accept: new Headers(init.headers).get("accept"),
          });
          return fetch(url, init);
        },
        ...options,
      });
      await run(client, server.dialect, requests);
    },
  };
}

/** As urql's documentation says it. */
const overSockets = (sockets) =>
  subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({
        unsubscribe: sockets.subscribe({ ...request, query: request.query || "" }, sink),
      }),
    }),
  });

function follow(client, { query, variables }) {
  const sink = new Sink();
  sink.stop = client.subscription(query, variables).subscribe(sink.next).unsubscribe;
  return sink;
}

async function isFollowed(client, dialect) {
  const sink = follow(client, dialect.live);
  const { data, error } = await sink.first();
  must(data?.[dialect.live.field], `a value without data: ${error}`);
  const { error: later } = await sink.more(dialect);
  expect(later, undefined, "error");
  sink.stop();
}

export const urql = [
  check("a query is answered, by GET as urql asks it", async (client, dialect, requests) => {
    const { query, variables } = dialect.query;
    const { data, error } = await client.query(query, variables ?? {});
    expect(error, undefined, "error");
    expect(withoutTypenames(data), withoutTypenames(dialect.query.data), "data");
    expect(
      requests.map(({ method }) => method),
      ["GET"],
      "methods",
    );
    must(requests[0].accept.includes("text/event-stream"), "urql does not list event streams");
  }),
  check("a query with variables is answered", async (client, dialect) => {
    const { query, variables, data: expected } = dialect.withVariables;
    const { data, error } = await client.query(query, variables);
    expect(error, undefined, "error");
    expect(withoutTypenames(data), expected, "data");
  }),
  check("a mutation is answered", async (client, dialect, requests) => {
    const { data, error } = await client.mutation(dialect.mutation.query, {});
    expect(error, undefined, "error");
    must(data[dialect.mutation.field], "the mutation was not answered");
    expect(
      requests.map(({ method }) => method),
      ["POST"],
      "methods",
    );
  }),
  check("a partial error comes with the data", async (client, dialect) => {
    const { query, variables, data: expected, path } = dialect.partial;
    const { data, error } = await client.query(query, variables ?? {});
    expect(withoutTypenames(data), withoutTypenames(expected), "data");
    expect(
      error?.graphQLErrors.map((one) => one.path),
      [path],
      "paths of the errors",
    );
  }),
  check("a validation error is told", async (client) => {
    const { data, error } = await client.query("{ thereIsNoFieldLikeThis }", {});
    expect(data ?? undefined, undefined, "data");
    must(error?.graphQLErrors.length, `there are no errors of GraphQL: ${error}`);
  }),
  check("a subscription is told values over graphql-ws", isFollowed),
  check("a token in a header says who is asking", async (client, dialect) => {
    const { data } = await client.query(dialect.who.query, {});
    must(data?.[dialect.who.field], "the server does not know who is asking");
  }),
];

/** urql as it is when it takes subscriptions over fetch, too: event streams. */
export const urqlOverSse = [
  check("a subscription is told values over event streams", isFollowed, {
    exchanges: [cacheExchange, fetchExchange],
    fetchSubscriptions: true,
  }),
];

/** urql's cache asks for the type of every object, too. */
function withoutTypenames(value) {
  return JSON.parse(
    JSON.stringify(value, (key, part) => (key === "__typename" ? undefined : part)),
  );
}
