# Settings, curtain, visit mode, states, phrases
settings-appearance = Display and handling
settings-percent = { $n } %
settings-theme = Colours
settings-theme-system = As the device
settings-theme-light = Light
settings-theme-dark = Dark
settings-hand = Hand
settings-hand-right = Right hand
settings-hand-left = Left hand
settings-era = Years
settings-era-japanese = Japanese era
settings-era-western = Western
settings-era-both = Both
settings-lock-time = Lock after
settings-lock-lead = Untouched for this long, the app saves what was written and locks.
settings-phrases = Phrases
settings-phrases-lead = Your own phrases for the end of a text. Leave patients' names out of them.
settings-phrases-field = For the text
settings-phrases-none = There are no phrases. Add some in the settings.
settings-phrase-new = New phrase
settings-phrase-add = Add
settings-phrase-remove = Remove
settings-phrase-empty = Write a phrase first.
settings-phrase-too-much = At most 200 characters each, 30 for one text.
settings-phrase-known = This phrase is here already.

settings-hide = Hide the screen
settings-tap-to-return = Tap to return
settings-curtain-unsaved = Something is not saved yet, so the lock waits. It is saved once the device has room.
settings-waiting = { $n ->
    [one] The device is full: 1 entry waits to be saved.
   *[other] The device is full: { $n } entries wait to be saved.
 } Free at least { $mb } MB. It is tried every few seconds.

settings-visit-mode = Visit mode
settings-visit-only = one patient
settings-visit-leave = Leave visit mode
settings-visit-end = Leave
settings-visit-ask = Leave visit mode?
settings-visit-ask-lead = Other patients' names can then be seen on the screen. The note stays as it is.
settings-visit-stay = Stay

settings-undo = Undo
settings-copy-last = Copy from last visit
settings-from-last = From last visit

settings-stale-unknown = Not synced with the hub yet. This may be out of date.
settings-stale = Last sync with the hub { $time } ({ $n } h ago). This may be out of date.
settings-stale-days = Last sync with the hub { $time } ({ $n } days ago). This may be out of date.

settings-ready = Before you leave: all is ready
settings-not-ready = { $n ->
    [one] Before you leave: 1 thing to look at
   *[other] Before you leave: { $n } things to look at
 }
settings-check-never = Never synced. Sync where there is a signal.
settings-check-synced = Last sync { $n } h ago
settings-check-patients = All of today's patients are on this device
settings-check-missing = { $n ->
    [one] 1 patient has not arrived yet. Sync.
   *[other] { $n } patients have not arrived yet. Sync.
 }
settings-check-orders = Every patient's order is valid
settings-check-no-order = { $n ->
    [one] 1 patient has no order valid today. Ask the station's manager.
   *[other] { $n } patients have no order valid today. Ask the station's manager.
 }
settings-check-lease = Disclosed records can be read until { $time }
settings-check-lease-short = Disclosed records can be read only until { $time }. Sync before you leave.
settings-check-sent = Nothing is unsent
settings-check-unsent = { $n ->
    [one] 1 note is unsent
   *[other] { $n } notes are unsent
 }

settings-state-works = What still works
settings-state-do = What to do
settings-state-wiped-title = This device's keys are gone
settings-state-wiped-what = It was reported lost, or too many wrong PINs were entered. Nobody can read its records any more.
settings-state-wiped-works = What was written stays sealed and goes to the hub by itself where there is a signal.
settings-state-wiped-do = Leave it switched on where there is a signal and tell the station's manager. With a new enrolment code it can be enrolled again.
settings-state-lease-title = The lease of the disclosed records has ended
settings-state-lease-what = The hub was not heard for long, so the hospitals' records are closed.
settings-state-lease-works = Visits, the station's own notes and the orders can be read, and notes can be written.
settings-state-lease-do = Sync where there is a signal. Until then ask the patient or family about allergies and drugs, or look into the medication notebook.
settings-state-hub-title = What answered is not the station's hub
settings-state-hub-what = It could not prove who it is, so nothing was sent. Wi-Fi with a log-in page often does this.
settings-state-hub-works = Everything can be read and written. What was written is kept on the device.
settings-state-hub-do = Leave this Wi-Fi or use another line, then sync again. If it goes on, tell the station's manager.
settings-state-refused-title = The hub does not accept this device
settings-state-refused-what = Its enrolment was revoked, or the hub does not know it.
settings-state-refused-works = Everything can be read and written. What was written is kept, and is sent to the hub sealed.
settings-state-refused-do = Tell the station's manager. Do not delete records or the app.
settings-state-full-title = The device is full
settings-state-full-what = New entries cannot be saved. What you typed is not lost: it is saved once there is room.
settings-state-full-works = Everything can be read. While something is unsaved the app waits before it locks.
settings-state-full-do = Delete photos or unused apps until 10 MB are free. Do not delete this app.
settings-enrol-again = Enrol with a new code

settings-phrase-condition-1 = Vital signs stable. No complaints.
settings-phrase-condition-2 = Calm; talks and answers as usual.
settings-phrase-condition-3 = Eats and drinks well. Bowel and bladder unchanged.
settings-phrase-care_given-1 = Full bed bath and change of clothes. No redness or broken skin.
settings-phrase-care_given-2 = Medication checked. No missed doses.
settings-phrase-care_given-3 = Range-of-motion exercises done. No fatigue afterwards.
settings-phrase-family-1 = The caregiver's health and sleep are unchanged.
settings-phrase-family-2 = Care was explained to the caregiver, who understood.
settings-phrase-assessment-1 = The condition is stable.
settings-phrase-assessment-2 = Watch for dehydration.
settings-phrase-plan-1 = Continue the present plan.
settings-phrase-plan-2 = Observe again at the next visit.
settings-phrase-remarks-1 = Reported to the physician.
