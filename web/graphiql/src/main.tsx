import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./style.css";

import { createRoot } from "react-dom/client";

import { App } from "./App";
import { chooseEvent } from "./carried";

const place = document.getElementById("graphiql");
if (place) {
  createRoot(place).render(<App />);
}
// Without an event the tabs do as well; their variables are empty then.
chooseEvent().catch((fault: unknown) => console.warn("No event was found to begin with.", fault));
