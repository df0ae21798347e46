# What cannot be read, what is half typed, photos that were taken away. The keys are keep.ja.ftl's.
keep-name-unread = (name cannot be read)
keep-names-unread = The patients' names cannot be read. { $why }
keep-boards-unread = What is unread of the handovers cannot be read. { $why }
keep-role-unread = Your role cannot be read; what only a manager does is not shown. { $why }
keep-sync-unread = cannot be read
keep-as-of-unread = As of when this is cannot be read
keep-phrases-unread = Your own phrases cannot be read. Until they can, none is added or removed. { $why }
keep-previous-unread = The last values cannot be read. { $why }
keep-previous-unread-short = Last value cannot be read
keep-bounds-unread = The order's reporting limits cannot be read. The general ones are used. { $why }
keep-notes-unread = The notes cannot be read. { $why }
keep-visits-unread = Today's visits cannot be read. { $why }
keep-since-unread = What happened since your last visit cannot be read. { $why }
keep-waiting-unread = The unsent notes cannot be read. { $why }
keep-photos-left-unread = How many photos are unsent cannot be read
keep-taker-unread = Who took it cannot be read
keep-day-unread = (day cannot be read)
