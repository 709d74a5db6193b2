"""Many generated documents, each judged; the first that differs is shrunk and shown."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from graphql import GraphQLSchema, OperationType

from tests.compiled.cases import Case, shrunk
from tests.compiled.engines import ByPlan, Engine, Share, Surroundings, by_graphql_core, counting
from tests.compiled.features import features_of
from tests.compiled.generator import Generator
from tests.compiled.judge import Told, Verdict, told
from tests.compiled.values import Palette

#: How many documents in a run of all tests; to write and validate them takes most of the time.
DOCUMENTS_USUALLY = 80
DOCUMENTS = int(os.environ.get("GENERATED_DOCUMENTS", str(DOCUMENTS_USUALLY)))
SEED = int(os.environ.get("GENERATED_SEED", "1"))
QUERIES = (OperationType.QUERY,)


@dataclass
class Trial:
    """A schema on trial: what its documents are asked with, and what came of it."""

    schema: GraphQLSchema
    palette: Palette
    make_context: Callable[[], Surroundings]
    operations: tuple[OperationType, ...] = QUERIES
    make_plans: Callable[[GraphQLSchema], Engine] = ByPlan
    #: Leaves out what differs from run to run whoever runs it.
    settle: Callable[[Told], Told] = lambda told: told
    #: Whether something is remembered from one operation to the next, so that the first differs.
    remembers: bool = False
    #: How often a document is asked, with other variables, by the same plan.
    times: int = 3
    #: Whether what differs is made smaller before it is shown.
    shrinks: bool = True
    seen: Counter[str] = field(default_factory=Counter)
    #: The fields that graphql-core executed where it had to do everything, and where a plan ran;
    #: of operations without introspection.
    executed: Share = field(default_factory=Share)
    handed_on: Share = field(default_factory=Share)

    async def run(self, documents: int, seed: int) -> None:
        """Judge so many documents, each from a seed of its own, or raise what differs."""
        for number in range(seed, seed + documents):
            cases = Generator(self.schema, self.palette, number, self.operations).cases(self.times)
            plans = self.make_plans(self.schema)
            for case in cases:
                verdict = await self.judge(case, plans)
                if verdict.differences:
                    raise AssertionError(await self._told(cases, case, verdict, number))
                self.seen.update(features_of(self.schema, case, verdict.expected))

    async def judge(self, case: Case, plans: Engine) -> Verdict:
        """Judge one case."""
        if self.remembers:
            await told(self.make_context(), case.ask, by_graphql_core(self.schema))
        counts = isinstance(plans, ByPlan) and "{ __" not in " ".join(case.text.split())
        executed, before = Share(), plans.handed_on.fields if isinstance(plans, ByPlan) else 0
        core = by_graphql_core(self.schema, counting(executed))
        expected = self.settle(await told(self.make_context(), case.ask, core))
        got = self.settle(await told(self.make_context(), case.ask, plans))
        if counts and isinstance(plans, ByPlan):
            self.executed.fields += executed.fields
            self.handed_on.fields += plans.handed_on.fields - before
        return Verdict(expected, got)

    async def _told(self, cases: list[Case], case: Case, verdict: Verdict, seed: int) -> str:
        """Show the smallest case that differs, and in what.

        What only differs after other variables, or only sometimes, is shown as it is.
        """

        async def fails(smaller: Case) -> bool:
            nonlocal verdict
            again = await self.judge(smaller, self.make_plans(self.schema))
            verdict = again if again.differences else verdict
            return bool(again.differences)

        if self.shrinks and await fails(case):
            case = await shrunk(self.schema, case, fails)
        differences = "\n".join(verdict.differences)
        before = [one.variables for one in cases[: cases.index(case)]] if case in cases else []
        return (
            f"A plan differs from graphql-core: GENERATED_SEED={seed}\n{case}\n"
            f"asked before: {before}\n\n{differences}"
        )
