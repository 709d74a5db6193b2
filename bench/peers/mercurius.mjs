// Mercurius as its documentation sets it up, its JIT from the second request on.
//   node mercurius.mjs PORT FILE

import Fastify from "fastify";
import mercurius from "mercurius";
import { listening, resolvers, typeDefs } from "./seats.mjs";

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 });
await app.listen(listening);
