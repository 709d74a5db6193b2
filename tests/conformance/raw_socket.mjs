// A WebSocket that says exactly what it is told, and keeps all that comes back.

import http from "node:http";
import { randomBytes } from "node:crypto";
import WebSocket from "ws";
import { expect, inTime, must, show, sleep } from "./checking.mjs";

export const PROTOCOL = "graphql-transport-ws";
const ANSWER_SECONDS = 6;
const SILENCE_SECONDS = 0.2;

/** One connection that speaks graphql-transport-ws by hand. */
export class RawSocket {
  constructor(url, protocols = [PROTOCOL]) {
    this.messages = [];
    this.faults = [];
    this.waiting = [];
    this.socket = new WebSocket(url.replace(/^http/, "ws"), protocols, {
      perMessageDeflate: false,
    });
    this.socket.on("message", (data, isBinary) => this.#take(data, isBinary));
    this.socket.on("error", (fault) => this.faults.push(fault.message));
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on("open", resolve);
      this.socket.on("error", reject);
    });
    this.opened.catch(() => {}); // Whoever waits for it is told.
  }

  #take(data, isBinary) {
    if (isBinary) this.faults.push("a binary frame came");
    const message = JSON.parse(String(data));
    this.messages.push(message);
    this.waiting = this.waiting.filter((look) => !look(message));
  }

  /** Send a message, or a frame as it is. */
  send(message) {
    this.socket.send(message);
  }

  say(message) {
    this.send(JSON.stringify(message));
  }

  subscribe(id, { query, variables }, more = {}) {
    this.say({ id, type: "subscribe", payload: { query, variables, ...more } });
  }

  /** Wait for the first message of which this is true, counting those that have come. */
  async first(wanted, what) {
    const found = this.messages.find(wanted);
    if (found) return found;
    const come = new Promise((resolve) => {
      this.waiting.push((message) => wanted(message) && (resolve(message), true));
    });
    const closed = this.closed.then((end) => {
      throw new Error(`the socket was closed: ${show(end)}, before there was ${what}`);
    });
    closed.catch(() => {});
    return inTime(Promise.race([come, closed]), ANSWER_SECONDS, `there was no ${what}`);
  }

  /** Wait for a type of message, under an id where one is given. */
  of(type, id) {
    const what = `${type}${id === undefined ? "" : ` of ${id}`}`;
    return this.first((message) => message.type === type && message.id === id, what);
  }

  /** Wait until an operation is over, and give all that came under its id. */
  async end(id) {
    const over = (message) => message.id === id && ["complete", "error"].includes(message.type);
    await this.first(over, `end of ${id}`);
    return this.under(id);
  }

  under(id) {
    return this.messages.filter((message) => message.id === id);
  }

  /** Introduce oneself, and wait for the welcome. */
  async introduce(payload) {
    this.say({ type: "connection_init", payload });
    const ack = await this.of("connection_ack");
    const known = ack.payload === undefined || ack.payload === null || isObject(ack.payload);
    must(known, `the payload of connection_ack is ${show(ack.payload)}`);
    return this;
  }

  /** Wait until the server closes, and check how. */
  async isClosed(code, reason) {
    const end = await inTime(this.closed, ANSWER_SECONDS, "the server did not close the socket");
    expect(end.code, code, `close code (reason ${show(end.reason)})`);
    if (reason !== undefined) expect(end.reason, reason, "close reason");
  }

  /** Check that the server still answers. */
  async isOpen() {
    const pongs = this.messages.filter(({ type }) => type === "pong").length;
    this.say({ type: "ping" });
    await this.first(
      () => this.messages.filter(({ type }) => type === "pong").length > pongs,
      "pong",
    );
  }

  /** Check that nothing comes under this id any more, once what is on its way has come. */
  async isSilent(id) {
    await this.isOpen();
    await sleep(SILENCE_SECONDS / 2);
    const before = this.under(id).length;
    await sleep(SILENCE_SECONDS);
    expect(this.under(id).slice(before), [], `after the end of ${id}`);
  }

  /** What is true of every conversation. */
  leave() {
    this.socket.terminate();
    expect(this.faults, [], "the socket");
  }
}

export const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Shake hands by hand, for answers that libraries refuse: the status, and what follows. */
export async function handshake(url, protocols) {
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    ...(protocols ? { "sec-websocket-protocol": protocols } : {}),
  };
  const request = http.get(url, { headers });
  return inTime(
    new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (response) => {
        response.resume();
        resolve({ status: response.statusCode, protocol: null, closeCode: null });
      });
      request.on("upgrade", async (response, socket, head) => {
        const protocol = response.headers["sec-websocket-protocol"] ?? null;
        const closeCode = await closeCodeOf(socket, head, protocol === PROTOCOL);
        resolve({ status: response.statusCode, protocol, closeCode });
      });
    }),
    ANSWER_SECONDS,
    "the handshake had no end",
  );
}

/** Read the first frame: what a server closes with that does not want to go on. */
async function closeCodeOf(socket, head, isWelcome) {
  let bytes = head;
  const told = () => bytes.length >= 4 && bytes[0] === 0x88;
  if (!isWelcome && !told()) {
    await new Promise((resolve) => {
      socket.on("data", (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (told()) resolve();
      });
      socket.on("close", resolve);
      socket.on("error", resolve);
    });
  }
  socket.destroy();
  return told() ? bytes.readUInt16BE(2) : null;
}
