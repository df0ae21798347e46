# Calendar, trends, search, on call. The keys are chart.ja.ftl's.
chart-tab-calendar = Calendar
chart-tab-trends = Trends
chart-week = Week
chart-month = Month
chart-week-before = The week before
chart-week-after = The week after
chart-this-week = This week
chart-month-before = The month before
chart-month-after = The month after
chart-this-month = This month
chart-legend = Filled: done or recorded. Dashed frame: planned or being written. The number says how many.
chart-cell = { $n ->
    [one] 1 entry
   *[other] { $n } entries
}
chart-cell-planned = { $n } planned or being written
chart-day-empty = Nothing is recorded on this day.
chart-planned = Planned visit
chart-changed = changed { $time }
chart-month-legend = ○ one visit · ◎ two or more · □ long · △ special order · ✕ emergency · P planned (marks come from confirmed notes only)
chart-planned-sign = P
chart-drafts = Notes that are not confirmed: { $n } (the month's report waits for them)
chart-competing = Notes confirmed twice: { $n }
chart-kind-visit_note = Visits
chart-kind-rx = Prescriptions
chart-kind-inj = Injections
chart-kind-lab = Tests
chart-kind-document = Letters
chart-kind-encounter = Hospital
chart-kind-problem = Diagnoses
chart-kind-allergy = Allergies
chart-kind-order = Orders
chart-kind-handover = Handover
chart-kind-form = Forms
chart-kind-intake_record = Intake record
chart-kind-care_plan = Care plan
chart-kind-visit_report = Visit report

chart-nothing = Nothing was measured.
chart-no-vitals = No confirmed note has a measured value yet.
chart-told = { $name }: first { $first }, last { $last }, lowest { $lowest }, highest { $highest }.
chart-table = All values
chart-day = Day
chart-out = out of range
chart-reference = Reference range { $range }
chart-report = Report { $bounds }
chart-at-or-below = at or below { $value }
chart-at-or-above = at or above { $value }
chart-family = Show to the family
chart-family-hint = Shows nothing but this chart, large. When you leave it, the app locks.
chart-family-title = Vital signs over time
chart-family-leave = Done (locks the app)
chart-family-unsaved = A text is not saved yet, so the app cannot lock. Make room on the device and save it first.

chart-search-open = Search notes and disclosed records
chart-search-title = Search
chart-search-field = Words to find (separated by blanks: all of them)
chart-search-empty = Type a word to search this device.
chart-search-hint = Notes, handover, forms and disclosed records, from one character on. No signal is needed.
chart-search-count = { $n ->
    [one] 1 hit
   *[other] { $n } hits
}
chart-search-newest = The newest { $n } are shown.
chart-search-none = Nothing was found.
chart-search-none-hint = Try another word, or a shorter one.
chart-search-lapsed = Disclosed records were not searched: they may not be read until the next sync.
chart-search-unread = Documents that cannot be read: { $n }. They were not searched. Tell the station's manager.

chart-menu = Menu
chart-oncall-title = On call
chart-oncall-all = Everyone
chart-oncall-pressing = Needs attention
chart-oncall-none = Nobody is on this list.
chart-unread = Unread handover
chart-board-unreadable = The handover cannot be read
chart-note-unreadable = The last note cannot be read
chart-last-note = Last note { $day }
chart-phone = Phone { $number }
chart-allergies = Allergies: { $list }
chart-special-until = Special order until { $day }
chart-drip-until = Drip order until { $day }
chart-order-begins = Order from { $day }
chart-order-until = Order until { $day }
chart-order-ended = Order expired ({ $day })

chart-kana-index = Index of readings
chart-kana-other = Others
