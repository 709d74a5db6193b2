/** Reading a house's seats from two bits each, as `SeatStates` in the schema says. */

const AVAILABLE = 0;

export interface Seats {
  seatMap: { sections: { kind: string; firstSeatIndex: number; capacity: number }[] };
  availability: { states: string };
}

/** Two free seats beside each other in numbered rows, from the middle of a section outwards. */
export function twoFreeSeats({ seatMap, availability }: Seats): number[] | null {
  const packed = atob(availability.states);
  const isFree = (seat: number) =>
    ((packed.charCodeAt(seat >> 2) >> (2 * (seat & 3))) & 3) === AVAILABLE;
  for (const { kind, firstSeatIndex, capacity } of seatMap.sections) {
    const middle = capacity >> 1;
    for (let step = 0; kind === "RESERVED" && step < capacity - 1; step += 1) {
      const seat = firstSeatIndex + ((middle + step) % (capacity - 1));
      if (isFree(seat) && isFree(seat + 1)) {
        return [seat, seat + 1];
      }
    }
  }
  return null;
}
