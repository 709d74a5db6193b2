// A way to a server that can be cut, as a train into a tunnel cuts it.

import net from "node:net";

/** Forward a port of this machine to a server; `cut` breaks all that is open, new ones may come. */
export async function cuttable(url) {
  const { hostname, port, pathname } = new URL(url);
  const open = new Set();
  const proxy = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    for (const end of [near, far]) {
      open.add(end);
      end.on("error", () => {});
      end.on("close", () => open.delete(end));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
  const cut = () => open.forEach((end) => end.destroy());
  return {
    url: `http://127.0.0.1:${proxy.address().port}${pathname}`,
    cut,
    end: () => {
      cut();
      proxy.close();
    },
  };
}
