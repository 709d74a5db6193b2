"""Where the machine plays: one small hall on a real PostgreSQL, made new for every play."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from box_office.audit import ALWAYS, question
from box_office.database import Database
from tests.halls import PRICE_MINOR, VIP_PRICE_MINOR, Hall, open_hall
from tests.machines.bank import Bank, open_bank
from tests.machines.gates import Director, GatedProvider

NUMBERED, STANDING = 6, 3
SEATS_PER_BUYER_MAX = 4
#: By seat: the first is VIP, and whoever stands, stands for nothing.
PRICES = (VIP_PRICE_MINOR, *[PRICE_MINOR] * (NUMBERED - 1), *[0] * STANDING)

FREE_PLACES = """
    INSERT INTO price_levels (id, event_id, position, name, price_minor)
    SELECT gen_random_uuid(), id, 2, 'Standing', 0 FROM events;
    UPDATE event_seats SET price_level = 2 WHERE seat_index >= {numbered};
"""
# What the states of reservations, orders and payments become, one after the other.
NOTE_ARROWS = """
    CREATE TABLE arrows (
        number bigint GENERATED ALWAYS AS IDENTITY, subject text, id uuid, before text, after text);
    CREATE FUNCTION note_arrow() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        v_before text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> TG_ARGV[0] END;
        v_after text := to_jsonb(NEW) ->> TG_ARGV[0];
    BEGIN
        IF v_before IS DISTINCT FROM v_after THEN
            INSERT INTO arrows (subject, id, before, after)
            VALUES (TG_TABLE_NAME, NEW.id, v_before, v_after);
        END IF;
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER note_arrow AFTER INSERT OR UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION note_arrow('state');
    CREATE TRIGGER note_arrow AFTER INSERT OR UPDATE ON reservations
    FOR EACH ROW EXECUTE FUNCTION note_arrow('status');
    CREATE TRIGGER note_arrow AFTER INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION note_arrow('status');
"""
RESET = """
    DELETE FROM arrows;
    DELETE FROM tickets;
    DELETE FROM orders;
    DELETE FROM payment_hints;
    DELETE FROM idempotency_keys;
    DELETE FROM payments;
    DELETE FROM reservations;
    DELETE FROM allowances;
    DELETE FROM seat_changes;
    UPDATE event_seats SET state = 0, reservation_id = NULL, held_until = NULL WHERE state <> 0;
    UPDATE event_ledgers
    SET version = 0, available = seat_count, held = 0, sold = 0, blocked = 0 WHERE version > 0;
"""
# Whatever the model speaks of, in one look.
LOOK = """
    SELECT jsonb_build_object(
        'seats', (SELECT jsonb_agg(jsonb_build_array(state, reservation_id) ORDER BY seat_index)
                  FROM event_seats),
        'reservations', (SELECT jsonb_object_agg(id, jsonb_build_array(
                buyer_id, status, ARRAY(SELECT unnest(seat_indexes) ORDER BY 1),
                status IN ('OPEN', 'PAYING') AND expires_at <= now()))
            FROM reservations),
        'payments', (SELECT jsonb_object_agg(id, jsonb_build_array(
                reservation_id, attempt, state, amount_minor)) FROM payments),
        'orders', (SELECT jsonb_object_agg(o.reservation_id, jsonb_build_array(
                o.status, o.total_minor, (
                    SELECT count(*) FROM tickets t WHERE t.order_id = o.id AND t.status = 'VALID')))
            FROM orders o),
        'allowances', (SELECT jsonb_object_agg(buyer_id, seats) FROM allowances
                       WHERE seats > 0),
        'order_ids', (SELECT jsonb_object_agg(reservation_id, id) FROM orders),
        'ledger', (SELECT jsonb_build_array(available, held, sold, blocked) FROM event_ledgers),
        'version', (SELECT version FROM event_ledgers),
        'arrows', (SELECT jsonb_agg(jsonb_build_array(number, subject, id, before, after)
                ORDER BY number) FROM arrows WHERE number > $1))::text
"""
# Nobody sets the database's clock: the rows grow older instead.
LAPSE = """
    WITH aged AS (
        UPDATE reservations
        SET expires_at = least(expires_at, now() - interval '1 second'), hold_ends_at = CASE
            WHEN $2 THEN least(hold_ends_at, now() - interval '1 second') ELSE hold_ends_at END
        WHERE id = $1 RETURNING id
    )
    UPDATE event_seats s SET held_until = now() - interval '1 second' FROM aged
    WHERE s.reservation_id = aged.id AND s.state = 1
"""
AGE_PAYMENTS = """
    WITH aged AS (
        UPDATE payments SET updated_at = updated_at - make_interval(secs => $1),
            looked_at = looked_at - make_interval(secs => $1)
    )
    UPDATE payment_hints SET received_at = received_at - make_interval(secs => $1)
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A state that changed; before is None where the row is new."""

    number: int
    #: The table.
    subject: str
    id: str
    before: str | None
    after: str


@dataclass(slots=True)
class Ground:
    """The hall, whoever moves in it, and a look at everything."""

    hall: Hall
    bank: Bank
    provider: GatedProvider
    director: Director
    connection: asyncpg.Connection
    url: str
    looked_until: int = 0
    #: The books of the last look, and those that were audited last.
    seen: str = ""
    audited: str | None = None

    async def reset(self) -> None:
        """Empty the hall."""
        await self.connection.execute(RESET)
        self.bank.reset()
        self.audited = None

    async def look(self) -> tuple[dict[str, Any], list[Arrow]]:
        """See the books as they are, and what became of the states since the last look."""
        self.seen = await self.connection.fetchval(LOOK, self.looked_until)
        seen = json.loads(self.seen)
        arrows = [Arrow(*arrow) for arrow in seen.pop("arrows") or ()]
        if arrows:
            self.looked_until = arrows[-1].number
        return {what: rows or {} for what, rows in seen.items()}, arrows

    async def broken_rules(self) -> Sequence[str]:
        """Audit, unless nothing has changed: which rules that always hold are broken."""
        if self.seen == self.audited:
            return []
        self.audited = self.seen
        return [row[0] for row in await self.connection.fetch(AUDIT)]

    async def lapse(self, reservation_id: UUID, *, is_hard: bool) -> None:
        """Let a reservation's time run out; hard: and whatever it could be prolonged to."""
        await self.connection.execute(LAPSE, reservation_id, is_hard)

    async def age_payments(self, seconds: float) -> None:
        """Let time pass for payments and hints."""
        await self.connection.execute(AGE_PAYMENTS, seconds)


AUDIT = " UNION ALL ".join(
    f"(SELECT '{invariant.name}' FROM ({question(invariant)}) q LIMIT 1)" for invariant in ALWAYS
)


@asynccontextmanager
async def open_ground(url: str) -> AsyncIterator[Ground]:
    """Build it in an empty, migrated database."""
    database = await Database.connect(url)
    connection = await asyncpg.connect(
        url, server_settings={"jit": "off"}, max_cacheable_statement_size=0
    )
    try:
        async with open_bank() as bank:
            provider = GatedProvider(bank.provider)
            async with open_hall(
                database,
                numbered=NUMBERED,
                standing=STANDING,
                seats_per_buyer_max=SEATS_PER_BUYER_MAX,
                provider=provider,
            ) as hall:
                await connection.execute(FREE_PLACES.format(numbered=NUMBERED) + NOTE_ARROWS)
                director = Director(hall.box_office, provider)
                yield Ground(hall, bank, provider, director, connection, url)
                await director.stop()
                await asyncio.sleep(0)
    finally:
        await connection.close()
        await database.close()
