-- A change is never written without its note's row, and that marks the note already.
DROP TRIGGER IF EXISTS search_change_new;
