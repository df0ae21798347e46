# Half typed: the list, a field that somebody else corrected first, what another window wrote. The keys are half.ja.ftl's.
half-list-title = Half typed
half-list-hint = Neither signed nor thrown away. Open it, and finish it or throw it away. While it stands here, its note does not leave this device.
half-list-unread = The list of what is half typed cannot be read. { $why }
half-list-correction = Correction: { $field }
half-list-closing = Why there was no visit, or why the note is closed
half-overtaken = This field changed after you began
half-overtaken-hint = You can sign once you have looked at the value that stands there now. What you typed is still here.
half-overtaken-text = You can sign once you have looked at the text that stands there now. “I have seen it” joins what you typed to it: both people's words stay.
half-overtaken-none = Nothing stands there now
half-overtaken-seen = I have seen it
half-aside = Half typed in another window of this device. Throw it away if it is not needed.
half-read-again = Read again
