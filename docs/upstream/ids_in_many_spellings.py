"""GlobalID takes ids that it would never write: trash after them, padding too much.

Two different ids for one thing break every cache that is keyed by id.
"""

from strawberry.relay import GlobalID

TRUE_ID = str(GlobalID("Seat", "1"))
OTHERS = [TRUE_ID.rstrip("=") + "====", TRUE_ID + "!!!", TRUE_ID[:4] + "\n" + TRUE_ID[4:]]

happens = [GlobalID.from_id(other) == GlobalID("Seat", "1") for other in OTHERS]

print("expected: GlobalIDValueError for each of", OTHERS)
print("happens:  the same as", TRUE_ID, happens)
assert all(happens), "mended"
