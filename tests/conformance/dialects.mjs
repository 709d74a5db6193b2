// What a server can be asked: the suites speak of "the query" and "the endless subscription", and
// each schema has its own words for them. What a schema has no words for is null.

import { randomInt } from "node:crypto";

/** The documents of tests/transport/tiny.py and of tiny.mjs. */
async function tiny(url) {
  return {
    query: { query: "{ hello }", data: { hello: "hello world" } },
    withVariables: {
      query: "query Named($name: String!) { hello(name: $name) }",
      variables: { name: "you" },
      data: { hello: "hello you" },
    },
    wrongVariables: {
      query: "query ($numbers: [Int!]!) { sum(numbers: $numbers) }",
      variables: { numbers: "many" },
    },
    mutation: { query: "mutation { startGuestSession }", field: "startGuestSession" },
    who: { query: "{ who }", field: "who" },
    partial: {
      query: "{ hello boom }",
      data: { hello: "hello world", boom: null },
      path: ["boom"],
    },
    live: { query: "subscription { numbers(to: 1000000) { value } }", field: "numbers" },
    ending: {
      query: "subscription { numbers(to: 3) { value } }",
      values: [0, 1, 2].map((value) => ({ numbers: { value } })),
    },
    slow: { query: "{ slow(seconds: 0.3) }", seconds: 0.3 },
    failsFirst: { query: "subscription { boomFirst }" },
    failsLater: { query: "subscription { boomLater }", first: { boomLater: 1 } },
    stir: async () => {},
    startSession: async () => (await ask(url, "mutation { startGuestSession }")).startGuestSession,
  };
}

const LIVE = `subscription ($id: ID!) {
  seatAvailability(eventId: $id) {
    __typename
    ... on AvailabilitySnapshot { availability { version } }
    ... on AvailabilityDelta { version }
  }
}`;

/** The documents of onsale's own schema, about an event that is on sale. */
async function onsale(url) {
  const { events } = await ask(
    url,
    `{ events(filter: { available: true }, first: 1) {
       nodes { id title availability { total } }
     } }`,
  );
  const [{ id, title, availability }] = events.nodes;
  const event = "query Named($id: ID!) { event(by: { id: $id }) { title } }";
  return {
    query: { query: "{ __typename }", data: { __typename: "Query" } },
    withVariables: { query: event, variables: { id }, data: { event: { title } } },
    wrongVariables: { query: event, variables: { id: { not: "an id" } } },
    mutation: {
      query: "mutation { startGuestSession { token viewer { id } } }",
      field: "startGuestSession",
    },
    who: { query: "{ viewer { id } }", field: "viewer" },
    partial: {
      query: `query ($id: ID!) {
        __typename event(by: { id: $id }) { seats(sectionId: "none") { id } }
      }`,
      variables: { id },
      data: { __typename: "Query", event: null },
      path: ["event", "seats"],
    },
    live: { query: LIVE, variables: { id }, field: "seatAvailability" },
    ending: null, // A seat map is followed until one side has had enough.
    slow: null,
    failsFirst: null,
    failsLater: null,
    stir: () => reserveOne(url, id, availability.total),
    startSession: () => startSession(url),
  };
}

async function startSession(url) {
  const started = await ask(url, "mutation { startGuestSession { token } }");
  return started.startGuestSession.token;
}

/** Let somebody reserve a seat, so that whoever watches the event is told. */
async function reserveOne(url, eventId, seats) {
  const token = await startSession(url);
  for (;;) {
    const { reserveSeats } = await ask(
      url,
      `mutation ($event: ID!, $seat: Int!) {
         reserveSeats(input: { eventId: $event, seatIndexes: [$seat] }) { errors { __typename } }
       }`,
      { event: eventId, seat: randomInt(seats) },
      { authorization: `Bearer ${token}` },
    );
    if (!reserveSeats.errors.length) return;
  }
}

async function ask(url, query, variables = {}, headers = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

export const dialects = { tiny, onsale };
