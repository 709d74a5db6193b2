// @apollo/client with its default settings: HttpLink, and GraphQLWsLink for subscriptions.

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client/core";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { getMainDefinition } from "@apollo/client/utilities";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { expect, must } from "./checking.mjs";
import { failureOf, Sink } from "./following.mjs";

function check(name, run) {
  return {
    name,
    run: async ({ server, atEnd }) => {
      const token = await server.dialect.startSession();
      const sockets = createClient({
        url: server.url.replace(/^http/, "ws"),
        webSocketImpl: WebSocket,
        connectionParams: { token },
      });
      atEnd(() => sockets.dispose());
      const overHttp = new HttpLink({
        uri: server.url,
        headers: { authorization: `Bearer ${token}` },
      });
      const client = new ApolloClient({
        cache: new InMemoryCache(),
        link: ApolloLink.split(isSubscription, new GraphQLWsLink(sockets), overHttp),
      });
      atEnd(() => client.stop());
      await run(client, server.dialect);
    },
  };
}

/** As Apollo's documentation says it. */
function isSubscription({ query }) {
  const definition = getMainDefinition(query);
  return definition.kind === "OperationDefinition" && definition.operation === "subscription";
}

const asked = ({ query, variables }) => ({ query: gql(query), variables });

export const apollo = [
  check("a query is answered", async (client, dialect) => {
    const { data, error } = await client.query(asked(dialect.query));
    expect(error, undefined, "error");
    expect(plain(data), plain(dialect.query.data), "data");
  }),
  check("a query with variables is answered", async (client, dialect) => {
    const { data } = await client.query(asked(dialect.withVariables));
    expect(plain(data), dialect.withVariables.data, "data");
  }),
  check("a mutation is answered", async (client, dialect) => {
    const { data, error } = await client.mutate({ mutation: gql(dialect.mutation.query) });
    expect(error, undefined, "error");
    must(data[dialect.mutation.field], "the mutation was not answered");
  }),
  check("a partial error comes with the data", async (client, dialect) => {
    const wanted = { ...asked(dialect.partial), errorPolicy: "all" };
    const { data, error } = await client.query(wanted);
    expect(plain(data), plain(dialect.partial.data), "data");
    must(CombinedGraphQLErrors.is(error), `no errors of GraphQL: ${error}`);
    expect(
      error.errors.map(({ path }) => path),
      [dialect.partial.path],
      "paths of the errors",
    );
  }),
  check("a partial error is thrown where nobody asked for the data", async (client, dialect) => {
    const failure = await failureOf(client.query(asked(dialect.partial)));
    must(CombinedGraphQLErrors.is(failure), `no errors of GraphQL: ${failure}`);
  }),
  check("a validation error is told", async (client) => {
    const failure = await failureOf(client.query({ query: gql("{ thereIsNoFieldLikeThis }") }));
    must(CombinedGraphQLErrors.is(failure), `no errors of GraphQL: ${failure}`);
  }),
  check("a subscription is told values over graphql-ws", async (client, dialect) => {
    const sink = new Sink();
    const subscription = client.subscribe(asked(dialect.live)).subscribe(sink);
    const { data, error } = await sink.first();
    must(data?.[dialect.live.field], `a value without data: ${error}`);
    await sink.more(dialect);
    subscription.unsubscribe();
  }),
  check("a token in a header says who is asking", async (client, dialect) => {
    const { data } = await client.query(asked(dialect.who));
    must(data[dialect.who.field], "the server does not know who is asking");
  }),
];

/** Apollo asks for the type of every object, too. */
function plain(value) {
  return JSON.parse(
    JSON.stringify(value, (key, part) => (key === "__typename" ? undefined : part)),
  );
}
