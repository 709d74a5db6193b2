// Mercurius as its documentation sets it up, with the schema of tests/conformance/tiny.mjs, and
// every operation allowed over WebSockets. It has no time limit for connection_init.
//   node mercurius.mjs PORT

import Fastify from "fastify";
import mercurius from "mercurius";
import { contextOf, resolvers, typeDefs } from "../../tests/conformance/tiny.mjs";

const app = Fastify();
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  context: (request) => contextOf(request.headers.authorization),
  subscription: {
    fullWsTransport: true,
    onConnect: ({ payload }) => contextOf(undefined, payload ?? {}),
  },
});
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
