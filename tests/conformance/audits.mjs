// The audits of GraphQL over HTTP by graphql-http: its authors', unchanged.

import { serverAudits } from "graphql-http";

const EXAMPLE = "http://127.0.0.1/graphql"; // For their names, nobody is asked.

export const audits = serverAudits({ url: EXAMPLE }).map(({ id, name }, index) => ({
  name: `${id} ${name}`,
  run: async ({ server }) => {
    const result = await serverAudits({ url: server.url })[index].fn();
    if (result.status === "ok") return;
    throw new Error(`${result.status}: ${result.reason}`);
  },
}));
