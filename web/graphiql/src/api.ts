/** How this page speaks to onsale: HTTP for queries and mutations, a WebSocket for subscriptions. */
import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { Kind, parse, type DocumentNode } from "graphql";
import { createClient } from "graphql-ws";

import { credentials, endSession, session } from "./session";

const URL_OF_API = "/graphql";
const UNAUTHENTICATED = 401;
const FORBIDDEN = 4403;

const socket = createClient({
  url: new URL(URL_OF_API, location.href.replace(/^http/, "ws")).href,
  connectionParams: credentials,
  // The first time at once, for the line is most often cut by us: somebody became a guest.
  retryWait: (tries) => new Promise((go) => setTimeout(go, tries * (1_000 + 1_000 * Math.random()))),
  on: {
    closed: (event) => {
      if (event instanceof CloseEvent && event.code === FORBIDDEN) {
        endSession();
      }
    },
  },
});

// What is being watched goes on, as whoever it is now.
session.watch(() => socket.terminate());

/** Asks as whoever the button says, and never as whom a cookie of another page may say. */
const ask: typeof fetch = async (url, init) => {
  const ours = credentials();
  const headers = { ...ours, ...(init?.headers as Record<string, string>) };
  const response = await fetch(url, { ...init, headers, credentials: "omit" });
  const isUnknown = response.status === UNAUTHENTICATED;
  if (isUnknown && ours.authorization && headers.authorization === ours.authorization) {
    endSession();
    return ask(url, init);
  }
  return response;
};

const send = createGraphiQLFetcher({
  url: URL_OF_API,
  fetch: ask,
  wsClient: socket,
  enableIncrementalDelivery: false,
});

/**
 * What GraphiQL runs operations with.
 *
 * For a tenth of a second after a change of tabs GraphiQL 5.4.0 goes on with what it knows of the
 * last one: its operation's name, and whether that was a subscription. So the text is read here.
 */
export const fetcher: Fetcher = (operation, options) => {
  const document = read(operation.query);
  if (document === null) {
    return send(operation, options); // The server says what is wrong with it.
  }
  const names = document.definitions.flatMap((part) =>
    part.kind === Kind.OPERATION_DEFINITION ? [part.name?.value] : [],
  );
  const asked = operation.operationName ?? undefined;
  const operationName = names.includes(asked) ? asked : names[0];
  return send({ ...operation, operationName }, { ...options, documentAST: document });
};

function read(query: string): DocumentNode | null {
  try {
    return parse(query);
  } catch {
    return null;
  }
}

/** Runs an operation of this page's own, and gives its data. */
export async function data<T>(query: string, variables: object = {}): Promise<T> {
  const response = await ask(URL_OF_API, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: T; errors?: { message: string }[] };
  if (!answer.data) {
    throw new Error(answer.errors?.[0]?.message ?? `The server answers ${response.status}.`);
  }
  return answer.data;
}
