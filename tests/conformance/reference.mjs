// The reference servers, with the schema of tiny.mjs: HTTP by graphql-http, WebSockets by
// graphql-ws, event streams by graphql-sse. What a suite asks for is right if they do it.

import http from "node:http";
import { buildSchema, GraphQLObjectType } from "graphql";
import { createHandler as createHttpHandler } from "graphql-http/lib/use/http";
import { createHandler as createSseHandler } from "graphql-sse/lib/use/http";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { contextOf, INIT_TIMEOUT_SECONDS, resolvers, typeDefs } from "./tiny.mjs";

function tinySchema() {
  const schema = buildSchema(typeDefs);
  for (const [type, fields] of Object.entries(resolvers)) {
    const known = schema.getType(type);
    if (!(known instanceof GraphQLObjectType)) continue;
    for (const [name, resolver] of Object.entries(fields)) {
      const field = known.getFields()[name];
      if (typeof resolver === "function") field.resolve = resolver;
      else field.subscribe = resolver.subscribe;
    }
  }
  return schema;
}

/** Serve at a free port of this machine; gives the URL and how to end. */
export async function startReference() {
  const schema = tinySchema();
  const overHttp = createHttpHandler({
    schema,
    context: ({ raw }) => contextOf(raw.headers.authorization),
  });
  const overSse = createSseHandler({
    schema,
    context: ({ raw }) => contextOf(raw.headers.authorization),
  });
  const server = http.createServer((request, response) => {
    const wantsStream = request.headers.accept === "text/event-stream";
    return (wantsStream ? overSse : overHttp)(request, response);
  });
  const sockets = useServer(
    {
      schema,
      connectionInitWaitTimeout: INIT_TIMEOUT_SECONDS * 1000,
      context: ({ connectionParams }) => contextOf(undefined, connectionParams),
    },
    new WebSocketServer({ server, path: "/graphql" }),
  );
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}/graphql`,
    end: async () => {
      await sockets.dispose();
      server.closeAllConnections();
      server.close();
    },
  };
}
