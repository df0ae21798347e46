# The board and the documents. The keys are board.ja.ftl's.
board-title = Handover
board-tab = Handover
board-tab-documents = Documents
board-text = Handover board
board-blank = Nothing is written yet. Write what the next visitor should know.
board-new = { $n ->
    [one] 1 line you have not read
   *[other] { $n } lines you have not read
}
board-shortened = Lines were taken away since you read it
board-all-read = You have read everything
board-read-button = I have read it
board-readers = Read by
board-readers-none = Nobody has confirmed the present text yet.
board-read = read
board-read-earlier = read before it changed
board-written = Last written by { $staff } · { $time }
board-somebody = somebody unknown
board-full = It is full. Take away lines that are done; they stay in the history.
board-since = Since your last visit ({ $time })
board-since-never = Your first visit. So far
board-since-counts = Notes { $notes } · disclosed records { $records } · orders { $orders }
board-unread = unread
board-unread-lines = { $n ->
    [0] Handover changed
    [one] Handover: 1 unread line
   *[other] Handover: { $n } unread lines
}
board-equal-edits = Two people wrote the same words at the same place. They are shown once: please check.
board-needed = required
board-form-intake_record = Intake record (記録書Ⅰ)
board-form-care_plan = Care plan (計画書)
board-form-visit_report = Visit report (報告書)
board-section-first = First visit
board-section-illness = Illness
board-section-family = Family and housing
board-section-adl = ADL
board-section-contacts = Physician and contacts
board-section-goals = Goals and problems
board-section-materials = Materials
board-section-authors = Authors and consent
board-section-course = Course and care
board-section-scales = Scales
board-add-row = ＋ Add a row: { $what }
board-nothing-written = Nothing is written yet. Begin with the sections before.
board-days = Days of visits
board-days-none = No visit of this month is confirmed yet.
board-days-hint = ○ visit · ◎ two or more that day · □ long · △ special order · ✕ emergency. Made out of confirmed notes.
board-open-draft = Open unconfirmed note { $n }
board-error-assistant = An assistant nurse cannot confirm a plan or a report. Ask a nurse. What you wrote is kept.
board-error-drafts = { $n ->
    [one] 1 note of this month is not confirmed. Confirm or close it first.
   *[other] { $n } notes of this month are not confirmed. Confirm or close them first.
}
board-closed = This document was closed. It can only be read.
board-late-edits = Amendments proposed
board-state-amended = Confirmed, amended
board-documents-none = None yet. Begin one below.
board-begin = Begin
board-begin-month = Begin { $month }
board-disclosed = Disclosed documents
board-disclosed-none = No hospital disclosed a document.
board-care_level-none = none
board-care_level-applying = applied for
board-care_level-support1 = Support 1
board-care_level-support2 = Support 2
board-care_level-care1 = Care 1
board-care_level-care2 = Care 2
board-care_level-care3 = Care 3
board-care_level-care4 = Care 4
board-care_level-care5 = Care 5
board-adl-independent = Independent
board-adl-partial = Partial help
board-adl-full = Full help
board-bed_rest_level-independent = Independent
board-bed_rest_level-J1 = J1
board-bed_rest_level-J2 = J2
board-bed_rest_level-A1 = A1
board-bed_rest_level-A2 = A2
board-bed_rest_level-B1 = B1
board-bed_rest_level-B2 = B2
board-bed_rest_level-C1 = C1
board-bed_rest_level-C2 = C2
board-dementia_level-independent = Independent
board-dementia_level-I = Ⅰ
board-dementia_level-IIa = Ⅱa
board-dementia_level-IIb = Ⅱb
board-dementia_level-IIIa = Ⅲa
board-dementia_level-IIIb = Ⅲb
board-dementia_level-IV = Ⅳ
board-dementia_level-M = M
