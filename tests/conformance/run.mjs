// Runs suites against a server and prints what became of each check, as JSON:
//   node run.mjs '{"suites": ["audits"], "url": "http://…/graphql", "dialect": "tiny"}'
// Without a URL the reference servers are asked; without a word, the checks' names are printed.

import { readFileSync } from "node:fs";
import { apollo } from "./apollo.mjs";
import { audits } from "./audits.mjs";
import { runChecks } from "./checking.mjs";
import { dialects } from "./dialects.mjs";
import { probes } from "./probes.mjs";
import { startReference } from "./reference.mjs";
import { sseClient } from "./sse_client.mjs";
import { INIT_TIMEOUT_SECONDS } from "./tiny.mjs";
import { urql, urqlOverSse } from "./urql.mjs";
import { websocketClient } from "./websocket_client.mjs";

const SUITES = { audits, probes, websocketClient, sseClient, urql, urqlOverSse, apollo };

const [asked] = process.argv.slice(2);
const answer = asked === undefined ? names() : await run(JSON.parse(asked));
process.stdout.write(JSON.stringify(answer));
process.exit(0); // Clients of others may hold timers and sockets that nobody can end.

function names() {
  return Object.fromEntries(
    Object.entries(SUITES).map(([suite, checks]) => [suite, checks.map(({ name }) => name)]),
  );
}

async function run({ suites, url, dialect = "tiny", initTimeoutSeconds = INIT_TIMEOUT_SECONDS }) {
  // What our programs log is told to whoever looks, and is no part of the answer.
  console.log = console.info = console.warn = console.error;
  const reference = url ? null : await startReference();
  const server = { url: url ?? reference.url, initTimeoutSeconds };
  server.dialect = await dialects[dialect](server.url);
  const results = {};
  for (const suite of suites) results[suite] = await runChecks(SUITES[suite], server);
  await reference?.end();
  return results;
}
