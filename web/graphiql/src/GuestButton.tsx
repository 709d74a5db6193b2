import { useState, useSyncExternalStore } from "react";

import { data } from "./api";
import { endSession, session, type GuestSession } from "./session";

const START = "mutation { startGuestSession { token viewer { id } } }";

/** One click makes you a guest, another one nobody in particular. */
export function GuestButton() {
  const current = useSyncExternalStore(session.watch, session.get);
  const [problem, setProblem] = useState("");

  const start = async () => {
    try {
      session.set((await data<{ startGuestSession: GuestSession }>(START)).startGuestSession);
      setProblem("");
    } catch (fault) {
      setProblem(fault instanceof Error ? fault.message : String(fault));
    }
  };

  return (
    <div className="onsale-guest">
      <span role="status" className={current ? "onsale-guest-name" : "onsale-guest-problem"}>
        {current ? `Guest ${current.viewer.id.slice(-4)}` : problem}
      </span>
      <button
        type="button"
        className={current ? "onsale-quiet" : ""}
        onClick={current ? endSession : start}
      >
        {current ? "End session" : "Start a guest session"}
      </button>
    </div>
  );
}
