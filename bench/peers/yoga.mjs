// GraphQL Yoga as its documentation sets it up.
//   node yoga.mjs PORT FILE

import http from "node:http";
import { createSchema, createYoga } from "graphql-yoga";
import { listening, resolvers, typeDefs } from "./seats.mjs";

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false });
http.createServer(yoga).listen(listening);
