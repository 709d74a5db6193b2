/** The example tabs: each file of `operations/` is one, in the order of their names. */
import { BLANK } from "./carried";

const documents = import.meta.glob<string>("../operations/*.graphql", {
  eager: true,
  import: "default",
  query: "?raw",
});

export const story = Object.keys(documents)
  .sort()
  .map((name) => tab(documents[name] ?? ""));

function tab(query: string) {
  const names = Object.entries(BLANK).filter(([name]) => query.includes(`$${name}:`));
  return { query, variables: names.length ? JSON.stringify(Object.fromEntries(names), null, 2) : "" };
}

/** Forgets what was changed in the tabs, and shows the examples as they were. */
export function startOver(): void {
  // GraphiQL writes what it knows half a second after each change; the page is gone by then.
  ["tabState", "query", "variables", "headers"].forEach((name) =>
    localStorage.removeItem(`graphiql:${name}`),
  );
  location.reload();
}
