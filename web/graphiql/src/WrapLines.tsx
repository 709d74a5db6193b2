import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

/** Shows long lines whole, also in a narrow window. */
export function WrapLines() {
  const editor = useGraphiQL((state) => state.queryEditor);

  useEffect(() => editor?.updateOptions({ wordWrap: "on", wrappingIndent: "indent" }), [editor]);

  return null;
}
