# What a nurse reads, in English. The keys are ja.ftl's.
app-name = Tsutsuji
tab-today = Today
tab-patients = Patients
tab-notes = Notes
tab-sync = Sync
back = Back
next = Next
close = Close
language = Language
language-ja = 日本語
language-en = English
text-size = Text size
lock = Lock
settings = Settings

enrol-title = Enrol this device
enrol-lead = Paste the enrolment code that your station's manager gave you, or choose a picture of its QR code.
enrol-uri = Enrolment code
enrol-pick = Choose a file
enrol-demo = Use the demo's code
enrol-pin = New PIN (4–12 digits)
enrol-pin-again = Once more
enrol-pin-differs = The two PINs differ. Type them again.
enrol-button = Enrol
enrol-working = Enrolling…
enrol-to = Hub: { $hub }
enrol-to-check = Check that it is the hub your manager named.

unlock-title = Enter your PIN
unlock-button = Open
unlock-recognise = Open with fingerprint or face
unlock-switch = Switch person
choose-title = Whose records?
choose-lead = Each person has a vault of their own. Nobody sees another person's records.
choose-add = Enrol another person
choose-unnamed = Person { $n }
pins-title = PIN
pins-change = Change the PIN
pins-done = Done.
duress-title = PIN under duress
duress-lead = This PIN opens an app without visits or patients. The records stay sealed.
duress-pin = PIN under duress (4–12 digits)
duress-set = Set
duress-forget = Take away
biometrics-title = Fingerprint and face
biometrics-on = Use
biometrics-off = Do not use
error-same-pin = This PIN cannot be used. Choose another one.
error-pin-first = Enter the PIN. After that, fingerprint or face opens again.
error-not-recognised = Not recognised. Try again, or enter the PIN.
error-no-biometrics = Fingerprint and face are not set up. Enter the PIN.
error-in-use = Another window or program uses this vault. Wait a moment, then try again. No note is lost.
error-locked = Locked. Enter the PIN, then try again. No note is lost.
error-not-brought-up = This version of the app could not bring the vault up to date. The file was left as it was. What is unsent goes to the hub sealed. Tell the station's manager.
error-older-copy = This is an older copy of the vault. It was left as it is. Put the newest copy back, or tell the station's manager.
unlock-delete = Delete one digit
unlock-working = Opening…
unlock-entered = { $n ->
    [one] 1 digit entered
   *[other] { $n } digits entered
}

pill-offline = Offline
pill-offline-unsent = Offline · { $n } unsent
pill-unsent = { $n } unsent
pill-syncing = Syncing
pill-synced = Synced { $time }
pill-trouble = Cannot sync · { $n } unsent
pill-never = Never synced

today-title = Today's visits
today-sub = { $date } · { $n ->
    [one] 1 visit
   *[other] { $n } visits
} · last sync { $sync }
today-none = No visits are planned for today.
today-none-hint = If the plan has changed, sync to see it.
never = never
start-visit = Start visit
open-note = Open note
tag-allergy = Allergy
tag-lapsed = Records: lease lapsed
tag-order-left = { $n ->
    [one] Order: 1 day left
   *[other] Order: { $n } days left
}
tag-order-expired = Order expired
tag-order-none = No order
state-draft = Draft
state-confirmed = Confirmed
state-competing = Two confirmations
tag-conflict = To choose
minutes = { $n } min
unknown-patient = (patient not received yet)

patients-title = Patients
patients-search = Kana or name
patients-count = { $n ->
    [one] 1 patient
   *[other] { $n } patients
}
patients-none = No patients on this device.
patients-none-hint = They arrive with the next sync once consent is registered.
patients-not-found = Nobody found.

patient-as-of = As of { $time }
patient-tab-summary = Summary
patient-tab-notes = Notes
patient-age = { $n } years
sex-male = male
sex-female = female
sex-other = other
sex-unknown = sex unknown
allergy-none-known = No known allergies (stated)
allergy-not-recorded = Allergies: not recorded
allergy-kind = allergy
lease-lapsed = The lease of the disclosed records has lapsed
section-prescriptions = Prescriptions
section-injections = Injections
section-labs = Labs
section-problems = Problems
section-encounters = Encounters
section-documents = Documents
section-orders = Doctor's orders
section-contact = Address and phone
items = { $n ->
    [one] 1 item
   *[other] { $n } items
}
drugs = { $n ->
    [one] 1 drug
   *[other] { $n } drugs
}
none-disclosed = Nothing disclosed
as-of-unknown = time unknown
date-unknown = date unknown
show-all = Show all ({ $n })
order-period = { $from } – { $until }
order-special = special order
flag-high = high
flag-low = low
flag-abnormal = abnormal
flag-critical = critical
flag-suspected = suspected
flag-ended = ended
flag-contraindicated = contraindicated
notes-none = No notes yet.
unplanned-visit = Unplanned visit

note-title = Visit note (記録書Ⅱ)
note-started = Started { $time }
note-not-started = No start time yet
saved-on-device = Saved on device { $time }
receipted = Received by hub { $time }
unsaved = Typing
section-vitals = Vitals
section-care = Care
section-texts = Text
section-confirm = Confirm
care-title = Care given
visit-title = Visit
previous = Last { $value }
previous-none = No last value
alert-value = Beyond the reporting limit
unusual-value = Please check the value
unmeasured = Not measured
unmeasured-because = Not measured: { $reason }
reason-refused = refused
reason-absent = absent
reason-no-instrument = no instrument
conflict-title = Two people changed this at once
conflict-hint = Both stay until you choose. The choice is kept in the history too.
conflict-this-device = this device
conflict-take = Take this value
characters = { $n } / { $limit } characters
start-now = Start now
end-now = End now
confirm-title = Before you confirm
confirm-button = Confirm
confirm-missing = Missing: { $fields }
confirm-conflict = To choose: { $fields }
confirm-ready = Everything required is there.
confirm-hint = A confirmed note cannot be changed. Later changes stay visible as amendments.
confirmed-by = Confirmed by { $staff } · { $time }
amendments-title = Proposed amendments
amendment-before = Before
amendment-after = After
missing-vitals = one vital sign, or the reason why none was measured
payer-medical = Medical insurance
payer-care = Care insurance
payer-self = Self-paid
visit_kind-regular = Regular
visit_kind-emergency = Emergency
visit_kind-special_order = Special order
visit_kind-discharge_day = Discharge day
visit_kind-phone = 24 h phone
yes = Yes
no = No
held-note = The hub holds this note back. Tell the manager. It is kept on this device.

notes-title = Notes
sync-title = Sync
sync-sub = Last sync { $sync } · hub { $hub }
sync-unsent = { $n ->
    [one] 1 unsent note
   *[other] { $n } unsent notes
}
sync-unsent-none = Nothing unsent
sync-auto = Sent when the signal returns
sync-waiting = waiting
sync-now = Sync now
sync-working = Syncing…
sync-patients = Patients on this device
sync-notes = Notes
sync-size = Storage used
sync-lease = Lease of disclosed records
sync-lease-hours = { $n } h left
sync-lease-none = none
sync-unreadable = { $n ->
    [one] 1 item cannot be read. It is kept. Tell the manager.
   *[other] { $n } items cannot be read. They are kept. Tell the manager.
}
sync-history = History
sync-history-none = Nothing yet
sync-line = { $time } received { $received } · sent { $sent }
sync-done = done
sync-device = Device { $device }
people = { $n }
trouble-unreachable = No signal, or the hub cannot be reached. Your notes stay on this device and are sent when the signal returns.
trouble-not_our_hub = What answered is not your station's hub. Nothing was sent. Change the Wi-Fi, or tell the manager.
trouble-storage = The device's storage is full. Free some space, then sync. No note is lost.
trouble-older_hub = The hub is older than this app. No note is lost. Ask the station's manager to update the hub.
trouble-version = This app is too old for the hub. No note is lost. Update the app.
trouble-revoked = This device was revoked. What was written is sent sealed. Tell the manager.
trouble-expired = The device's certificate is over and could not be renewed. What was written has been sent. Tell the manager.
trouble-busy = The hub is busy. It is tried again by itself; what was written is kept on this device.
trouble-refused = The hub does not accept this device. Your notes stay here. Tell the manager.

error-pin-digits = A PIN has 4 to 12 digits.
error-no-vault = This device is not enrolled. Enrol it first.
error-already-there = This device is enrolled already.
error-no-device-secret = The device's key is missing. Tell the manager. Do not delete the records' file.
error-unreadable = The records' file cannot be read. It was left as it is. Do not delete it; tell the manager.
error-newer = A newer version of the app wrote these records. Update the app.
error-full = The device's storage is full. Free at least { $n } MB, then try again. No note is lost.
error-write = The device did not take the write. Try again.
error-damaged = Some records cannot be read. They were left as they are. Tell the manager.
error-uri = This is no complete enrolment code. Paste the whole of it, or ask the manager for a new one.
error-code-unknown = The hub does not know this code. Ask the manager for a new one.
error-code-used = This code was used already. Ask the manager for a new one.
error-code-expired = This code has expired. Ask the manager for a new one.
error-unreachable = The hub cannot be reached. Check the signal and try again.
error-not-our-hub = What answered is not the hub of this code. Change the Wi-Fi, or tell the manager.
error-refused = The hub refused. Tell the manager.
error-field-number = Enter a number ({ $unit }).
error-field-range = { $low } to { $high } { $unit }. Measure again, or check the decimal point.
error-field-range-suggest = { $low } to { $high } { $unit }. Did you mean { $suggestion }?
error-field-time = Enter a time such as 9:32 or 932.
error-field-date = Enter a date such as 20261124 or R8.11.24.
error-field-pressure = The upper pressure is higher than the lower one. Check both.
error-field-long = Too long. Shorten it, or continue under remarks.
error-field = This value cannot be entered.
error-confirmed = A confirmed note cannot be changed.
error-times = The end is after the start, within 24 hours. Correct the times.
error-unknown = That did not work. No note is lost. Try again.
state-closed = Closed
outcome-carried_out = Visited
outcome-cancelled = Cancelled
outcome-absent = Not at home
outcome-wrong_patient = Wrong patient
outcome-duplicate = Duplicate
outcome-discarded = Discarded
profession-public_health_nurse = Public health nurse
profession-midwife = Midwife
profession-nurse = Nurse
profession-assistant_nurse = Assistant nurse
profession-pt = Physiotherapist
profession-ot = Occupational therapist
profession-st = Speech therapist
pulse_rhythm-regular = Regular
pulse_rhythm-irregular = Irregular
pressure_site-right_arm = Right arm
pressure_site-left_arm = Left arm
pressure_site-right_leg = Right leg
pressure_site-left_leg = Left leg
pressure_posture-lying = Lying
pressure_posture-sitting = Sitting
pressure_posture-standing = Standing
stool_amount-none = None
stool_amount-small = Small
stool_amount-normal = Normal
stool_amount-large = Large
oral_denture-none = None
oral_denture-upper = Upper
oral_denture-lower = Lower
oral_denture-both = Both
oral_swallowing-good = Good
oral_swallowing-choking = Chokes
oral_swallowing-difficult = Difficult
terminal_place-home = Home
terminal_place-facility = Care facility
terminal_place-hospital = Hospital
terminal_place-other = Elsewhere
tag-same-reading = Another patient reads alike
tag-orders-overlap = Two orders hold
error-wrong-pin-left = Wrong PIN. { $left } more, and this device's keys are wiped (what you wrote is kept sealed for the hub).
error-wrong-pin-wait = Wrong PIN. Wait { $minutes } minutes, then try again. { $left } more, and this device's keys are wiped.
error-wait = Too many wrong PINs. Wait { $minutes } minutes, then try again.
error-wiped = This device's keys were wiped. What you wrote is kept sealed and goes to the hub when there is a signal. Tell the station's manager.
sync-check = Self-check
sync-check-sound = sound
sync-check-damaged = damaged
sync-check-hint = The vault is damaged. Nothing was deleted. Sync what is unsent and tell the station's manager.
