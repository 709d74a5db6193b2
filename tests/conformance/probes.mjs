// Probes of graphql-transport-ws, written from PROTOCOL.md of graphql-ws 6.4.2. Each drives a
// socket by hand. They are run against graphql-ws's own server, too: do they ask what is right?

import { closing } from "./probes/closing.mjs";
import { handshakes } from "./probes/handshakes.mjs";
import { malformed } from "./probes/malformed.mjs";
import { operations } from "./probes/operations.mjs";
import { wrongOperations } from "./probes/wrong_operations.mjs";

export const probes = [...handshakes, ...malformed, ...operations, ...wrongOperations, ...closing];
