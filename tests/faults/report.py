"""What was measured, for whoever reads a test's output; pytest shows it with `-s` or `-rP`."""

import re
from collections import Counter

from tests.races.record import Record, Told

CODE = re.compile(r"'code': '(\w+)'")


def report(fault: str, record: Record | None = None, /, **seconds: float) -> None:
    """Print figures, and how often each answer was given."""
    print(f"{fault}: {', '.join(f'{name} {value:.3f}' for name, value in seconds.items())}")  # noqa: T201
    if record is not None:
        slowest = max(told.received_at - told.sent_at for told in record.told)
        answers = sorted(Counter(map(_outcome, record.told)).items())
        print(f"  slowest answer {slowest:.2f} s; {dict(answers)}")  # noqa: T201


def _outcome(told: Told) -> str:
    answer = told.answer
    codes = CODE.findall(answer.fault or "") or [answer.fault or ", ".join(answer.refusals)]
    return f"{told.action}: {codes[0] or 'done'}"
