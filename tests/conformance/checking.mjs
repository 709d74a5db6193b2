// What a suite is made of: checks that are run, a few at a time, and what became of each.

import { isDeepStrictEqual, inspect } from "node:util";

const AT_ONCE = 6;
const SECONDS_MAX = 20;

/** Thrown by a check that the server offers nothing to try on; it says what is missing. */
export class NotApplicable extends Error {}

/** Say what was found instead, unless it is what was expected. */
export function expect(found, expected, what) {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`${what}: expected ${show(expected)}, found ${show(found)}`);
  }
}

/** Fail unless it is so. */
export function must(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

export function show(value) {
  return inspect(value, { depth: 6, breakLength: Infinity, maxStringLength: 300 });
}

/** Run the checks of a suite against a server and tell what became of each, in their order. */
export async function runChecks(checks, server) {
  const results = new Array(checks.length);
  let next = 0;
  const worker = async () => {
    while (next < checks.length) {
      const index = next++;
      results[index] = await runCheck(checks[index], server);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function runCheck(check, server) {
  const closing = [];
  const tools = { server, atEnd: (close) => closing.push(close) };
  try {
    await inTime(check.run(tools), check.secondsMax ?? SECONDS_MAX);
    return { name: check.name, outcome: "passed", why: null };
  } catch (fault) {
    const outcome = fault instanceof NotApplicable ? "not applicable" : "failed";
    return { name: check.name, outcome, why: oneLine(fault) };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** Give what was promised, or fail when it takes too long. */
export async function inTime(promised, seconds, what = "nothing more happened") {
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([promised, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

export const sleep = (seconds) => new Promise((wake) => setTimeout(wake, seconds * 1000));

function oneLine(fault) {
  const text = fault instanceof Error ? fault.message : show(fault);
  return text.replace(/\s+/g, " ").slice(0, 500);
}
