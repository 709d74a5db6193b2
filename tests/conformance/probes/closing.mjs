// How sockets end, and that they end alone.

import { expect, inTime } from "../checking.mjs";
import { RawSocket } from "../raw_socket.mjs";
import { follow, goesOn, introduced } from "./probing.mjs";

export const closing = [
  introduced("the client's normal closure is answered", async (socket, dialect) => {
    await follow(socket, dialect);
    socket.socket.close(1000);
    const { code } = await inTime(socket.closed, 6, "the server did not answer the closure");
    expect(code, 1000, "close code");
  }),
  introduced("a socket that breaks leaves the others running", async (socket, dialect, server) => {
    await follow(socket, dialect);
    const broken = new RawSocket(server.url);
    await broken.opened;
    await broken.introduce();
    await follow(broken, dialect);
    broken.socket.terminate();
    await goesOn(socket, dialect);
  }),
  introduced(
    "a malformed message leaves the other sockets running",
    async (socket, dialect, server) => {
      await follow(socket, dialect);
      const malformed = new RawSocket(server.url);
      await malformed.opened;
      malformed.send("{");
      await malformed.isClosed(4400);
      await goesOn(socket, dialect);
    },
  ),
  introduced(
    "no operation is told anything once the socket was closed for a malformed message",
    async (socket, dialect) => {
      await follow(socket, dialect);
      socket.send("{");
      await socket.isClosed(4400);
      expect(socket.socket.readyState, socket.socket.CLOSED, "state of the socket");
    },
  ),
];
