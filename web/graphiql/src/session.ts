/** The guest session: a token that says it is the same guest, sent with every operation. */
import { Remembered } from "./remembered";

export interface GuestSession {
  token: string;
  viewer: { id: string };
}

export const session = new Remembered<GuestSession | null>("guest-session", null);

/** What an operation says about who asks: headers over HTTP, and the first message of a socket. */
export function credentials(): { authorization?: string } {
  const current = session.get();
  return current === null ? {} : { authorization: `Bearer ${current.token}` };
}

/** Goes on as nobody in particular: by a click, or because the server does not know the token. */
export function endSession(): void {
  session.set(null);
}
