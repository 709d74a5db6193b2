// The schema of tests/transport/tiny.py, as far as others are asked for it: plain text and
// functions, so that each server builds it with its own copy of graphql-js.

export const INIT_TIMEOUT_SECONDS = 0.5;

export const typeDefs = /* GraphQL */ `
  type Query {
    hello(name: String! = "world"): String!
    sum(numbers: [Int!]!): Int!
    who: String
    boom: String
    slow(seconds: Float! = 30): String!
  }
  type Mutation {
    startGuestSession: String!
  }
  type Subscription {
    numbers(to: Int! = 3): Number!
    boomFirst: Int!
    boomLater: Int!
  }
  type Number {
    value: Int!
    inner: Number!
  }
`;

const sleep = (seconds) => new Promise((wake) => setTimeout(wake, seconds * 1000));

async function* numbers(_, { to }) {
  for (let value = 0; value < to; value++) {
    yield { numbers: { value } };
    await sleep(0.01);
  }
}

async function* boomFirst() {
  throw new Error("boom");
}

async function* boomLater() {
  yield { boomLater: 1 };
  throw new Error("boom");
}

export const resolvers = {
  Query: {
    hello: (_, { name }) => `hello ${name}`,
    sum: (_, args) => args.numbers.reduce((sum, number) => sum + number, 0),
    who: (_, __, context) => context?.token ?? null,
    boom: () => {
      throw new Error("boom");
    },
    slow: (_, { seconds }) => sleep(seconds).then(() => "done"),
  },
  Mutation: { startGuestSession: () => "guest" },
  Subscription: {
    numbers: { subscribe: numbers },
    boomFirst: { subscribe: boomFirst },
    boomLater: { subscribe: boomLater },
  },
  Number: { inner: ({ value }) => ({ value }) },
};

/** Find the token where clients put it: in a header, or in the payload of connection_init. */
export function contextOf(authorization, connectionParams) {
  const token = authorization?.replace(/^Bearer /, "") ?? connectionParams?.token;
  return { token: token ?? null };
}
