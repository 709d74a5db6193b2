import { useGraphiQL } from "@graphiql/react";
import { useEffect, useSyncExternalStore } from "react";

import { carried, filledIn } from "./carried";

/** Fills in the open tab's variables when it is opened, and when something new is known. */
export function CarryOver() {
  const editor = useGraphiQL((state) => state.variableEditor);
  const tab = useGraphiQL((state) => state.activeTabIndex);
  const known = useSyncExternalStore(carried.watch, carried.get);

  useEffect(() => {
    const filled = editor && filledIn(editor.getValue());
    if (filled) {
      editor.setValue(filled);
    }
  }, [editor, tab, known]);

  return null;
}
