// What probes have in common.

import { NotApplicable, sleep } from "../checking.mjs";
import { RawSocket } from "../raw_socket.mjs";

/** A probe that has an open socket. */
export function probe(name, run, { protocols } = {}) {
  return {
    name,
    run: async ({ server, atEnd }) => {
      const socket = new RawSocket(server.url, protocols);
      await socket.opened;
      atEnd(() => socket.socket.terminate());
      await run(socket, server.dialect, server);
      socket.leave();
    },
  };
}

/** A probe that has an open socket and has introduced itself. */
export function introduced(name, run) {
  return probe(name, async (socket, ...rest) => {
    await socket.introduce();
    await run(socket, ...rest);
  });
}

/** Take an operation that not every schema has. */
export function given(operation, what) {
  if (!operation) throw new NotApplicable(`the schema has no ${what}`);
  return operation;
}

/** Start the endless subscription and wait for its first value. */
export async function follow(socket, dialect, id = "live") {
  socket.subscribe(id, dialect.live);
  await socket.of("next", id);
}

/** Check that a subscription goes on: something happens, and it tells. */
export async function goesOn(socket, dialect, id = "live") {
  const before = socket.under(id).length;
  // A change may be merged with one that was told already: cause another if nothing came.
  for (let turn = 0; turn < 5 && socket.under(id).length === before; turn++) {
    await dialect.stir();
    for (let wait = 0; wait < 20 && socket.under(id).length === before; wait++) await sleep(0.05);
  }
  const ends = socket.under(id).filter(({ type }) => type !== "next");
  if (ends.length || socket.under(id).length === before) {
    throw new Error(`the other operation did not go on: ${JSON.stringify(ends)}`);
  }
}
