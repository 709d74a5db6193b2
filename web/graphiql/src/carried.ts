/**
 * What one tab hands on to the next: which event, which seats, which reservation, which order.
 *
 * A variable is filled in where it is empty or holds what was filled in before. What somebody has
 * written there themselves stays.
 */
import { data } from "./api";
import { Remembered } from "./remembered";
import { twoFreeSeats, type Seats } from "./seats";

const KEPT_VALUES_MAX = 50;

/** The variables that are carried over, and what they are before anything is known. */
export const BLANK = {
  eventId: "",
  seatIndexes: [] as number[],
  reservationId: "",
  purchaseKey: "",
  orderId: "",
  cancellationKey: "",
};

type Values = typeof BLANK;
type Name = keyof Values;
type History = { [name in Name]?: Values[name][] };

/** All values that were filled in so far, the newest last. */
export const carried = new Remembered<History>("carried", {});

interface FoundEvent extends Seats {
  id: string;
}

const FOUND = `id seatMap { sections { kind firstSeatIndex capacity } } availability { states }`;
const AVAILABLE = `{ events(filter: { available: true }, first: 10) { nodes { ${FOUND} } } }`;
const BY_ID = `query ($id: ID!) { event(by: { id: $id }) { ${FOUND} } }`;

/** Chooses an event with two free seats: the last one again if it will do, or else any. */
export async function chooseEvent(): Promise<void> {
  const last = carried.get().eventId?.at(-1);
  if (last !== undefined && (await choose(await find(last)))) {
    return;
  }
  const { events } = await data<{ events: { nodes: FoundEvent[] } }>(AVAILABLE);
  for (const event of events.nodes) {
    if (await choose(event)) {
      return;
    }
  }
}

async function find(id: string): Promise<FoundEvent | null> {
  return (await data<{ event: FoundEvent | null }>(BY_ID, { id })).event;
}

function choose(event: FoundEvent | null): boolean {
  const seatIndexes = event && twoFreeSeats(event);
  if (!event || !seatIndexes) {
    return false;
  }
  keep({ eventId: event.id, seatIndexes });
  return true;
}

/** Takes out of an answer what the next tabs need. */
export function learn(asked: unknown, answer: unknown): void {
  const { eventId = carried.get().eventId?.at(-1) } = (asked ?? {}) as Partial<Values>;
  const { event, reserveSeats, purchaseReservation } = dataOf(answer);
  const reserved = reserveSeats?.reservation;
  const bought = purchaseReservation?.order;
  if (reserved) {
    keep({ reservationId: reserved.id, purchaseKey: `purchase of ${reserved.id}` });
  }
  if (bought) {
    keep({ orderId: bought.id, cancellationKey: `cancellation of ${bought.id}` });
  }
  const isGone = bought || (reserveSeats && !reserved);
  if (eventId && (event || isGone)) {
    chooseSeatsOf(eventId).catch(() => undefined); // The seats that are known may do as well.
  }
}

async function chooseSeatsOf(eventId: string): Promise<void> {
  choose(await find(eventId));
}

interface Answered {
  event?: object | null;
  reserveSeats?: { reservation: { id: string } | null };
  purchaseReservation?: { order: { id: string } | null };
}

function dataOf(answer: unknown): Answered {
  return ((answer as { data?: Answered | null } | null)?.data ?? {}) as Answered;
}

function keep(values: Partial<Values>): void {
  const history: Record<string, unknown[]> = { ...carried.get() };
  for (const [name, value] of Object.entries(values)) {
    const others = (history[name] ?? []).filter((other) => !same(other, value));
    history[name] = [...others, value].slice(-KEPT_VALUES_MAX);
  }
  carried.set(history);
}

/** Fills in variables, given and returned as JSON. Null: there is nothing to change. */
export function filledIn(text: string): string | null {
  const variables = parsed(text);
  let changed = false;
  for (const [name, value] of Object.entries(variables)) {
    const history: unknown[] = carried.get()[name as Name] ?? [];
    const newest = history.at(-1);
    const ours = same(value, BLANK[name as Name]) || history.some((old) => same(old, value));
    if (newest !== undefined && ours && !same(value, newest)) {
      variables[name] = newest;
      changed = true;
    }
  }
  return changed ? JSON.stringify(variables, null, 2) : null;
}

/** Somebody may be writing just now: what is no object yet has no variables. */
function parsed(text: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null ? (read as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
