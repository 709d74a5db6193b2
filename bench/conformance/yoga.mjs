// GraphQL Yoga as its documentation sets it up, with the schema of tests/conformance/tiny.mjs: HTTP
// and event streams are its own, WebSockets come by graphql-ws.
//   node yoga.mjs PORT

import http from "node:http";
import { useServer } from "graphql-ws/use/ws";
import { createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";
import {
  contextOf,
  INIT_TIMEOUT_SECONDS,
  resolvers,
  typeDefs,
} from "../../tests/conformance/tiny.mjs";

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: ({ request, connectionParams }) =>
    contextOf(request?.headers.get?.("authorization") ?? undefined, connectionParams),
});
const server = http.createServer(yoga);

useServer(
  {
    connectionInitWaitTimeout: INIT_TIMEOUT_SECONDS * 1000,
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length ? errors : args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);

server.listen(Number(process.argv[2]), "127.0.0.1");
