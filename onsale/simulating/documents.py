"""Everything the crowd asks, in GraphQL."""

STANDING = "id status expiresInSeconds"
RESERVATION = f"{STANDING} seats {{ index }} order {{ id }}"
TICKETS = "tickets { code status seat { index } }"
ORDER = f"id status {TICKETS}"
ERRORS = "errors { __typename ... on UserError { code message } }"
PAGE = "pageInfo { hasNextPage endCursor }"
#: An answer shows so many seats at most; a buyer has ten or so in each.
PAGE_LENGTH = 20


def _mutation(name: str, fields: str) -> str:
    kind = f"{name[0].upper()}{name[1:]}Input!"
    return f"mutation Crowd($input: {kind}) {{ {name}(input: $input) {{ {fields} {ERRORS} }} }}"


QUERIES = {
    "event": """query Crowd($by: EventBy!) { event(by: $by) {
        id slug title status seatsPerBuyerMax reservationSeconds
        seatMap { layoutUrl seatCount sections { id name kind capacity firstSeatIndex } } } }""",
    "events on sale": """query Crowd($after: String) {
        events(filter: { available: true }, first: 100, after: $after) {
            nodes { slug } pageInfo { hasNextPage endCursor } } }""",
    "availability": """query Crowd($id: ID!) { event(by: { id: $id }) { availability {
        version total available held sold blocked states } } }""",
    "reservations": f"""query Crowd($after: String) {{ viewer {{
        reservations(first: {PAGE_LENGTH}, after: $after) {{
            nodes {{ {RESERVATION} }} {PAGE} }} }} }}""",
    "orders": f"""query Crowd($after: String) {{ viewer {{
        orders(first: {PAGE_LENGTH}, after: $after) {{ nodes {{ {ORDER} }} {PAGE} }} }} }}""",
}
MUTATIONS = {
    "startGuestSession": "mutation Crowd { startGuestSession { token } }",
    **{
        name: _mutation(name, f"reservation {{ {RESERVATION} }}")
        for name in ("reserveSeats", "releaseSeats", "cancelReservation")
    },
    "purchaseReservation": _mutation(
        "purchaseReservation", f"order {{ {ORDER} }} reservation {{ {STANDING} }}"
    ),
    "cancelOrder": _mutation("cancelOrder", f"order {{ {ORDER} }}"),
}
DOCUMENTS = QUERIES | MUTATIONS
SUBSCRIPTION = """subscription Crowd($event: ID!, $since: Int) {
    seatAvailability(eventId: $event, sinceVersion: $since) { __typename
        ... on AvailabilitySnapshot { availability { version available states total } }
        ... on AvailabilityDelta { fromVersion version available changes { index status } }
        ... on AvailabilityStale { version } } }"""
