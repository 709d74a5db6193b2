"""What everybody asks for at once is read a few times a second, and never shown much later."""

import asyncio
from dataclasses import replace

import pytest

from box_office import hot_events
from box_office.hot_events import EVENT_MEMORY_SECONDS, HotEvents
from models import EventState
from schema.soon import here
from tests.graphql.conftest import Api
from tests.graphql.programme import Programme
from tests.graphql.test_loading import counting


async def test_a_hot_event_is_read_once_for_many(programme: Programme) -> None:
    event, hot = await programme.event(), HotEvents()

    with counting(programme.database) as statements:
        answers = [await hot.by_ids(programme.database, [event.id]) for _ in range(20)]

    assert len(statements) == 1
    assert all((row := answer[event.id]) and row.title == "Hamlet" for answer in answers)


async def test_what_changed_is_seen_after_a_moment(programme: Programme) -> None:
    event, hot = await programme.event(), HotEvents()
    await hot.by_slugs(programme.database, [event.slug, "none"])

    await programme.execute("UPDATE events SET state = $1", EventState.PAUSED.value)
    await asyncio.sleep(EVENT_MEMORY_SECONDS)
    found = await hot.by_slugs(programme.database, [event.slug, "none"])

    row = found[event.slug]
    assert row is not None
    assert row.status == "PAUSED"
    assert found["none"] is None


async def test_an_event_that_was_just_read_is_given_at_once(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, hot = await programme.event(), HotEvents()
    assert (hot.fresh_by_id(event.id), hot.fresh_by_slug(event.slug)) == (None, None)

    by_id = await hot.by_ids(programme.database, [event.id])
    by_slug = await hot.by_slugs(programme.database, [event.slug, "none"])

    assert hot.fresh_by_id(event.id) is by_id[event.id]
    assert hot.fresh_by_slug(event.slug) is by_slug[event.slug]
    assert hot.fresh_by_slug("none") is None
    monkeypatch.setattr(hot_events, "EVENT_MEMORY_SECONDS", 0)
    assert (hot.fresh_by_id(event.id), hot.fresh_by_slug(event.slug)) == (None, None)


async def test_an_operation_sees_one_state_of_an_event(programme: Programme, api: Api) -> None:
    event, hot = await programme.event(), HotEvents()
    first, next_one = (replace(api.context, hot_events=hot) for _ in range(2))
    read = [
        await here(first.loaders.event(event.id)),
        await here(first.loaders.event_by_slug(event.slug)),
    ]
    await programme.execute("UPDATE events SET title = 'Othello'")
    await asyncio.sleep(EVENT_MEMORY_SECONDS)

    told = await here(next_one.loaders.event(event.id))
    again = [
        await here(first.loaders.event(event.id)),
        await here(first.loaders.event_by_slug(event.slug)),
    ]

    assert told is not None
    assert told.title == "Othello"
    assert [row and row.title for row in read] == ["Hamlet", "Hamlet"]
    assert all(after is before for after, before in zip(again, read, strict=True))


async def test_while_one_reads_an_old_event_anew_the_others_do_not(programme: Programme) -> None:
    event, hot = await programme.event(), HotEvents()
    await hot.by_ids(programme.database, [event.id])
    await asyncio.sleep(EVENT_MEMORY_SECONDS)

    with counting(programme.database) as statements:
        await asyncio.gather(*(hot.by_ids(programme.database, [event.id]) for _ in range(20)))

    assert len(statements) == 1


async def test_no_more_events_are_remembered_than_there_is_room_for(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot_events, "HOT_EVENTS_MAX", 2)
    hot = HotEvents()

    await hot.by_slugs(programme.database, ["a", "b", "c"])

    assert list(hot._by_slug._memories) == ["b", "c"]


async def test_an_event_that_could_not_be_read_again_is_not_taken_for_new(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, hot = await programme.event(), HotEvents()
    await hot.by_ids(programme.database, [event.id])
    await asyncio.sleep(EVENT_MEMORY_SECONDS)

    async def fail(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(hot._by_id, "_read", fail)
    with pytest.raises(ConnectionError):
        await hot.by_ids(programme.database, [event.id])

    assert hot.fresh_by_id(event.id) is None
