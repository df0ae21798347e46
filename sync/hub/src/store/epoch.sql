-- When the epoch began, of a hub that was put back before this was written down: its audit trail says. In the first epoch nothing stands there.
INSERT INTO meta (name, value)
    SELECT 'epoch_began', CAST(at AS TEXT) FROM audit WHERE action = 'restore' ORDER BY n DESC LIMIT 1;
