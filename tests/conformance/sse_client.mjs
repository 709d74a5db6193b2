// The client of graphql-sse, end to end, in distinct connections mode.

import { createClient } from "graphql-sse";
import { expect, must, sleep } from "./checking.mjs";
import { cuttable } from "./cutting.mjs";
import { eventually, Sink } from "./following.mjs";

/** A check that has a client, which notes how often it was connected. */
function check(name, run) {
  return {
    name,
    run: async ({ server, atEnd }) => {
      const way = await cuttable(server.url);
      atEnd(way.end);
      const seen = { connected: 0 };
      const client = createClient({
        url: way.url,
        singleConnection: false,
        retryAttempts: 3,
        retry: () => sleep(0.05),
        on: { connected: () => seen.connected++ },
      });
      atEnd(() => client.dispose());
      await run(client, server.dialect, { seen, way });
    },
  };
}

function follow(client, { query, variables }) {
  const sink = new Sink();
  sink.stop = client.subscribe({ query, variables }, sink);
  return sink;
}

async function ask(client, operation) {
  const values = await follow(client, operation).end();
  expect(values.length, 1, "number of results");
  return values[0];
}

export const sseClient = [
  check("a query is answered", async (client, dialect) => {
    const { data, errors } = await ask(client, dialect.query);
    expect({ data, errors }, { data: dialect.query.data, errors: undefined }, "result");
  }),
  check("a mutation is answered", async (client, dialect) => {
    const { data } = await ask(client, dialect.mutation);
    must(data[dialect.mutation.field], "the mutation was not answered");
  }),
  check("a subscription is told values as they come", async (client, dialect) => {
    const sink = follow(client, dialect.live);
    const first = await sink.first();
    must(first.data[dialect.live.field], "a value without data");
    await sink.more(dialect);
    sink.stop();
    await sink.end();
    if (dialect.ending) {
      const values = await follow(client, dialect.ending).end();
      expect(
        values.map(({ data }) => data),
        dialect.ending.values,
        "values",
      );
    }
  }),
  check("a validation error is told as a result", async (client) => {
    const { data, errors } = await ask(client, { query: "{ thereIsNoFieldLikeThis }" });
    expect(data, undefined, "data");
    must(errors?.[0].message, "there are no errors");
  }),
  check("disposing of the client ends the streams", async (client, dialect) => {
    const sink = follow(client, dialect.live);
    await sink.first();
    client.dispose();
    await sink.end();
    const before = sink.values.length;
    await dialect.stir();
    await sleep(0.2);
    expect(sink.values.length, before, "values after the end");
  }),
  check("two subscriptions run at the same time, and end each alone", async (client, dialect) => {
    const [one, other] = [follow(client, dialect.live), follow(client, dialect.live)];
    await Promise.all([one.first(), other.first()]);
    one.stop();
    await one.end();
    await other.more(dialect);
  }),
  check(
    "a subscription goes on over a new stream after the old one broke",
    async (client, dialect, { seen, way }) => {
      const sink = follow(client, dialect.live);
      await sink.first();
      way.cut();
      await eventually(() => seen.connected === 2, "second connection");
      await sink.more(dialect);
    },
  ),
];
