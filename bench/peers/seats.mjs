// What the servers in JavaScript have in common: the schema, and the seats of one event.

import { readFileSync } from "node:fs";

export const typeDefs = `
  enum SeatStatus { AVAILABLE HELD SOLD BLOCKED }
  type EventSeat {
    id: ID! index: Int! row: String number: String x: Float y: Float status: SeatStatus!
  }
  type Event { seats: [EventSeat!]! }
  input EventBy { id: ID }
  type Query { event(by: EventBy!): Event }
`;

const [port, file] = process.argv.slice(2);
const event = JSON.parse(readFileSync(file, "utf8"));

export const resolvers = { Query: { event: () => event } };
export const listening = { port: Number(port), host: "127.0.0.1" };
