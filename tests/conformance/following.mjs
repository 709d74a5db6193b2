// What the clients of others have in common: one way to collect what they are told.

import { inTime, must, sleep } from "./checking.mjs";

const ANSWER_SECONDS = 5;

/** A sink for graphql-ws and graphql-sse: all values, and how it ended. */
export class Sink {
  constructor() {
    this.values = [];
    this.failure = null;
    this.ended = new Promise((resolve, reject) => {
      this.complete = resolve;
      this.error = (failure) => {
        this.failure = failure;
        reject(failure);
      };
    });
    this.ended.catch(() => {}); // Whoever waits for it is told.
  }

  next = (value) => this.values.push(value);

  async end() {
    await inTime(this.ended, ANSWER_SECONDS, "the operation did not end");
    return this.values;
  }

  /** Wait for the first value. */
  async first() {
    await eventually(() => this.#has(1), "first value");
    return this.values[0];
  }

  /** Cause one more value, and wait for it. */
  async more(dialect) {
    const from = this.values.length;
    await until(async () => {
      await dialect.stir();
      await sleep(0.1);
      return this.#has(from + 1);
    }, "further value");
    return this.values[from];
  }

  #has(count) {
    if (this.failure) throw this.failure;
    return this.values.length >= count;
  }
}

/** Wait until something is so. */
export async function until(holds, what) {
  const deadline = Date.now() + ANSWER_SECONDS * 1000;
  while (!(await holds())) must(Date.now() < deadline, `there was no ${what}`);
}

/** Wait until something is so that nobody has to cause. */
export const eventually = (holds, what) => until(async () => holds() || (await sleep(0.01)), what);

/** Take the rejection that is to come. */
export async function failureOf(promise) {
  try {
    await promise;
  } catch (failure) {
    return failure;
  }
  throw new Error("it did not fail");
}
