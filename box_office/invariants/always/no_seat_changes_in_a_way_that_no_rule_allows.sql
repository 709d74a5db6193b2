-- No seat changes in a way that no rule allows.
--
-- A hold is made, taken over, given back or sold; a sale is given back. Nothing else.
SELECT event_id, seat_index, version, before, state FROM history
WHERE before IS NOT NULL AND (before, state) NOT IN (
    (0, 1), (1, 1), (1, 0), (1, 2), (2, 0), (0, 3), (3, 0))
