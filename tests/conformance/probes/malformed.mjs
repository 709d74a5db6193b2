// "Receiving a message of a type or format which is not specified in this document will result in
// an immediate socket closure with the event 4400."

import { introduced, probe } from "./probing.mjs";

const MALFORMED = 4400;

const frame = (what, text) =>
  introduced(`${what} closes the socket`, async (socket) => {
    socket.send(text);
    await socket.isClosed(MALFORMED);
  });

const message = (what, said) => frame(what, JSON.stringify(said));

/** A subscribe message that has nothing wrong but this. */
const subscribe = (what, wrong) =>
  introduced(`subscribe with ${what} closes the socket`, async (socket, dialect) => {
    const { query, variables } = dialect.query;
    socket.say(wrong({ id: "1", type: "subscribe", payload: { query, variables } }));
    await socket.isClosed(MALFORMED);
  });

const payload = (what, wrong) =>
  subscribe(what, (said) => ({ ...said, payload: { ...said.payload, ...wrong } }));

export const malformed = [
  frame("a frame that is no JSON", "{"),
  frame("an empty frame", ""),
  frame("a binary frame that is no JSON", Buffer.from([0, 255, 254])),
  message("a list", []),
  message("a list of messages", [{ type: "ping" }]),
  message("a string", "hi"),
  message("null", null),
  message("a number", 5),
  message("true", true),
  message("a message without a type", {}),
  message("a message whose type is a number", { type: 5 }),
  message("a message whose type is null", { type: null }),
  message("a message of an unknown type", { type: "what" }),
  message("a message of the legacy protocol", { id: "1", type: "start", payload: {} }),
  message("connection_ack from the client", { type: "connection_ack" }),
  message("next from the client", { id: "1", type: "next", payload: { data: null } }),
  message("a ping whose payload is a string", { type: "ping", payload: "x" }),
  message("a pong whose payload is a list", { type: "pong", payload: [] }),
  probe("connection_init whose payload is a string closes the socket", async (socket) => {
    socket.say({ type: "connection_init", payload: "x" });
    await socket.isClosed(MALFORMED);
  }),
  probe("connection_init whose payload is a list closes the socket", async (socket) => {
    socket.say({ type: "connection_init", payload: [] });
    await socket.isClosed(MALFORMED);
  }),
  probe("a frame that is no JSON before connection_init closes the socket", async (socket) => {
    socket.send("{");
    await socket.isClosed(MALFORMED);
  }),

  subscribe("no id", ({ type, payload }) => ({ type, payload })),
  subscribe("an id that is a number", (said) => ({ ...said, id: 5 })),
  subscribe("an id that is null", (said) => ({ ...said, id: null })),
  subscribe("an id that is an object", (said) => ({ ...said, id: {} })),
  subscribe("an empty id", (said) => ({ ...said, id: "" })),
  subscribe("no payload", ({ id, type }) => ({ id, type })),
  subscribe("a payload that is null", (said) => ({ ...said, payload: null })),
  subscribe("a payload that is a string", (said) => ({ ...said, payload: said.payload.query })),
  subscribe("a payload that is a list", (said) => ({ ...said, payload: [said.payload] })),
  subscribe("a payload without a query", (said) => ({ ...said, payload: {} })),
  payload("a query that is a number", { query: 5 }),
  payload("a query that is an object", { query: {} }),
  payload("variables that are a string", { variables: "x" }),
  payload("variables that are a list", { variables: [] }),
  payload("an operationName that is a number", { operationName: 5 }),
  payload("extensions that are a string", { extensions: "x" }),
  payload("extensions that are a list", { extensions: [] }),
  message("complete without an id", { type: "complete" }),
  message("complete with an id that is a number", { type: "complete", id: 5 }),
  message("complete with an empty id", { type: "complete", id: "" }),
];
