// Every schema rule of graphql-eslint, also those of Relay's connections. What is switched off or
// bent stands here with its reason. Run from the top folder of the checkout: `make check`.
import graphql from "@graphql-eslint/eslint-plugin";

const { configs, parser } = graphql;
const SCHEMA = "schema/schema.graphql";

// Values and answers. They have no identity of their own: nothing could be found again by an id.
const VALUES = [
  "Availability",
  "AvailabilityDelta",
  "AvailabilitySnapshot",
  "AvailabilityStale",
  "EventType", // Known by its `key`.
  "Money",
  "Point",
  "SeatChange",
  "SectionAvailability",
];
const REFUSALS = [
  "EventNotFound",
  "IdempotencyKeyReused",
  "InvalidInput",
  "NotOnSale",
  "OrderNotCancellable",
  "OrderNotFound",
  "OutcomeUnknown",
  "PaymentActionRequired",
  "PaymentDeclined",
  "ReservationExpired",
  "ReservationNotFound",
  "ReservationNotOpen",
  "SeatLimitExceeded",
  "SeatsUnavailable",
  "SeatsUnknown",
];

const all = { ...configs["flat/schema-all"].rules, ...configs["flat/schema-relay"].rules };
const [, naming] = all["@graphql-eslint/naming-convention"];
const { "ObjectTypeDefinition,ObjectTypeExtension": objects, ...otherNames } = naming;

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema: SCHEMA } } },
    plugins: { "@graphql-eslint": graphql },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...all,

      // Bent.

      // Everything is described, not only types and root fields.
      "@graphql-eslint/require-description": [
        "error",
        {
          types: true,
          rootField: true,
          DirectiveDefinition: true,
          EnumValueDefinition: true,
          FieldDefinition: true,
          InputValueDefinition: true,
        },
      ],
      // An EventType is no type of GraphQL: it is what a box office calls concert or theatre.
      "@graphql-eslint/naming-convention": [
        "error",
        { ...otherNames, "ObjectTypeDefinition[name.value!=EventType]": objects },
      ],
      // Seats, sections and tickets come as plain lists: an event has a known number of them.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
      // A viewer's own lists are turned over from the newest on, which is forwards.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            types: ["PageInfo", ...VALUES, ...REFUSALS],
            suffixes: ["Connection", "Edge", "Payload"],
          },
        },
      ],

      // Off.

      // graphql-schema-linter sees to the order of the exported file, which is that of capitals
      // before small letters; this rule takes both for the same and wants `events` first.
      "@graphql-eslint/alphabetize": "off",
      // It forbids mutations and subscriptions, which this API has.
      "@graphql-eslint/no-root-type": "off",
      // A payload shows what the mutation changed; who wants more asks in the next request.
      "@graphql-eslint/require-field-of-type-query-in-mutation-result": "off",
      // A payload is never null: what failed is in its `errors`. Nor is a page of events, or a
      // subscription's message: they may be empty, and there is no expected way to have none.
      "@graphql-eslint/require-nullable-result-in-root": "off",
      // It wants an argument that `@deprecated` does not have. The date is in the reason, and
      // `python -m tests.schema_linting` holds us to it.
      "@graphql-eslint/require-deprecation-date": "off",
    },
  },
];
