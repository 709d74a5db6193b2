// The handshake, connection_init and connection_ack, and pings.

import { expect, must, sleep } from "../checking.mjs";
import { handshake, isObject, PROTOCOL } from "../raw_socket.mjs";
import { introduced, probe } from "./probing.mjs";

const LEGACY = "graphql-ws";

const refused = (name, protocols) => ({
  name,
  run: async ({ server }) => {
    const { status, protocol, closeCode } = await handshake(server.url, protocols);
    expect(protocol, null, "the subprotocol that was chosen");
    must(
      closeCode === 4406 || (status >= 400 && status < 500),
      `status ${status}, close code ${closeCode}`,
    );
  },
});

const chosen = (name, protocols) =>
  probe(
    name,
    async (socket) => {
      expect(socket.socket.protocol, PROTOCOL, "the subprotocol that was chosen");
      await socket.introduce();
    },
    { protocols },
  );

export const handshakes = [
  refused("a handshake without a subprotocol is refused", undefined),
  refused("a handshake with only the legacy subprotocol graphql-ws is refused", LEGACY),
  refused("a handshake with only an unknown subprotocol is refused", "chat"),
  chosen("graphql-transport-ws is chosen beside the legacy subprotocol", [LEGACY, PROTOCOL]),
  chosen("graphql-transport-ws is chosen beside an unknown subprotocol", [PROTOCOL, "chat"]),

  probe("connection_init without a payload is acknowledged", (socket) => socket.introduce()),
  probe("connection_init with an empty payload is acknowledged", (socket) => socket.introduce({})),
  probe("connection_init with any payload is acknowledged", (socket) =>
    socket.introduce({ locale: "en", nested: { list: [1, null] } }),
  ),
  probe("connection_init with a null payload is acknowledged", (socket) => socket.introduce(null)),
  probe("without connection_init the socket is closed in time", async (socket, _, server) => {
    await sleep(server.initTimeoutSeconds);
    await socket.isClosed(4408, "Connection initialisation timeout");
  }),
  probe("pings do not replace connection_init", async (socket, _, server) => {
    socket.say({ type: "ping" });
    await socket.of("pong");
    await sleep(server.initTimeoutSeconds);
    await socket.isClosed(4408, "Connection initialisation timeout");
  }),
  introduced(
    "an introduced socket is not closed by the initialisation timeout",
    async (socket, _, server) => {
      await sleep(server.initTimeoutSeconds + 0.3);
      await socket.isOpen();
    },
  ),
  introduced("a second connection_init closes the socket", async (socket) => {
    socket.say({ type: "connection_init" });
    await socket.isClosed(4429, "Too many initialisation requests");
  }),
  probe("two connection_init at once close the socket", async (socket) => {
    socket.say({ type: "connection_init" });
    socket.say({ type: "connection_init" });
    await socket.isClosed(4429, "Too many initialisation requests");
  }),
  probe("subscribe before connection_init closes the socket", async (socket, dialect) => {
    socket.subscribe("1", dialect.query);
    await socket.isClosed(4401, "Unauthorized");
  }),

  probe("a ping before connection_init is answered", async (socket) => {
    socket.say({ type: "ping" });
    await socket.of("pong");
  }),
  introduced("a ping after connection_init is answered", (socket) => socket.isOpen()),
  introduced("a ping with a payload is answered", async (socket) => {
    socket.say({ type: "ping", payload: { sentAt: 1 } });
    const { payload } = await socket.of("pong");
    must(payload === undefined || payload === null || isObject(payload), "a pong of another shape");
  }),
  introduced("a ping with a null payload is answered", async (socket) => {
    socket.say({ type: "ping", payload: null });
    await socket.of("pong");
  }),
  probe("an unsolicited pong before connection_init is taken", async (socket) => {
    socket.say({ type: "pong" });
    await socket.introduce();
  }),
  introduced("an unsolicited pong with a payload is taken", async (socket) => {
    socket.say({ type: "pong", payload: { receivedAt: 1 } });
    await socket.isOpen();
  }),
];
