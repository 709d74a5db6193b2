import { ToolbarButton } from "@graphiql/react";
import type { Fetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";

import { fetcher } from "./api";
import { CarryOver } from "./CarryOver";
import { learn } from "./carried";
import favicon from "./favicon.svg";
import { GuestButton } from "./GuestButton";
import { startOver, story } from "./story";
import { WrapLines } from "./WrapLines";

const attentively: Fetcher = async (operation, options) => {
  const answer = await fetcher(operation, options);
  learn(operation.variables, answer);
  return answer;
};

function RewindIcon() {
  return (
    <svg className="graphiql-toolbar-icon" viewBox="0 0 16 16" height="1em" aria-hidden="true">
      <path
        d="M2.5 2.5v11m11-11-8 5.5 8 5.5z"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.2"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  );
}

export function App() {
  return (
    <GraphiQL
      fetcher={attentively}
      defaultTabs={story}
      defaultEditorToolsVisibility="variables"
      inputValueDeprecation
      schemaDescription
    >
      <GraphiQL.Logo>
        <GuestButton />
        <span className="onsale-name">
          <img src={favicon} alt="" />
          onsale
        </span>
      </GraphiQL.Logo>
      <GraphiQL.Toolbar>
        {({ prettify, merge, copy }) => (
          <>
            {prettify}
            {merge}
            {copy}
            <ToolbarButton label="Bring the example tabs back" onClick={startOver}>
              <RewindIcon />
            </ToolbarButton>
          </>
        )}
      </GraphiQL.Toolbar>
      <CarryOver />
      <WrapLines />
    </GraphiQL>
  );
}
