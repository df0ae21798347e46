//! Where the app stands, and every way from one screen to another: steps, curtain, lock.

use crate::app::{Gate, Route, Session};
use crate::idle::{Away, CURTAIN_MS, Moment};
use crate::screens::visiting::{Step, Visiting, is_reachable};
use device::record::{DocumentId, Form};
use dioxus::prelude::*;
use std::collections::BTreeMap;

/// Where the app stands.
#[derive(Clone, Copy, PartialEq)]
pub struct Shell {
    pub gate: Signal<Gate>,
    route: Signal<Route>,
    behind: Signal<Vec<Route>>,
    fields: Fields,
    /// 目隠し: since when it stands.
    curtain: Signal<Option<Moment>>,
    suspended: Signal<u64>,
    /// 訪問中モード
    visiting: Signal<Option<Visiting>>,
    /// A step that leads away from the patient who is visited, until it was asked about.
    asked: Signal<Option<Step>>,
    /// The section of the document that stood here last, by its number: whoever comes back to it, from behind a curtain or from
    /// its history, stands where she was.
    section: Signal<Option<(DocumentId, usize)>>,
}

/// The fields that are being typed in: each is asked for its last words before the app locks.
#[derive(Clone, Copy, PartialEq)]
pub struct Fields {
    open: Signal<BTreeMap<u64, Callback<()>>>,
}

impl Fields {
    /// Nothing is being typed in yet.
    pub fn none() -> Self {
        Self { open: Signal::new(BTreeMap::new()) }
    }

    pub fn add(&mut self, flush: Callback<()>) -> u64 {
        let mut open = self.open.write();
        let number = open.keys().next_back().map_or(0, |last| last + 1);
        open.insert(number, flush);
        number
    }

    pub fn remove(&mut self, number: u64) {
        self.open.write().remove(&number);
    }

    fn flush(&self) {
        let all: Vec<Callback<()>> = self.open.peek().values().copied().collect();
        all.into_iter().for_each(|flush| flush.call(()));
    }
}

impl Shell {
    pub fn new(gate: Gate, fields: Fields) -> Self {
        Self {
            gate: Signal::new(gate),
            route: Signal::new(Route::Today),
            behind: Signal::new(Vec::new()),
            fields,
            curtain: Signal::new(None),
            suspended: Signal::new(0),
            visiting: Signal::new(None),
            asked: Signal::new(None),
            section: Signal::new(None),
        }
    }

    pub fn go(self, route: Route) {
        self.step(Step::Go(route));
    }

    /// A tab: nothing lies behind it.
    pub fn switch(self, route: Route) {
        self.step(Step::Switch(route));
    }

    pub fn back(self) {
        self.step(Step::Back);
    }

    /// During a visit whatever shows anybody else is asked about first.
    fn step(mut self, step: Step) {
        let to = match &step {
            Step::Go(route) | Step::Switch(route) => route.clone(),
            Step::Back => self.behind.peek().last().cloned().unwrap_or(Route::Today),
        };
        let reachable = is_reachable((*self.visiting.peek()).as_ref(), &to, |note| self.is_of_visited(note));
        if reachable {
            self.take(step);
        } else {
            self.asked.set(Some(step));
        }
    }

    fn take(mut self, step: Step) {
        match step {
            Step::Go(route) => {
                let here = self.route.peek().clone();
                if here != route {
                    self.behind.write().push(here);
                    self.route.set(route);
                }
            }
            Step::Switch(route) => {
                self.section.set(None);
                self.behind.write().clear();
                self.route.set(route);
            }
            Step::Back => {
                let before = self.behind.write().pop().unwrap_or(Route::Today);
                self.route.set(before);
            }
        }
    }

    fn is_of_visited(self, note: DocumentId) -> bool {
        let visiting = self.visiting.peek();
        let Some(visiting) = &*visiting else { return true };
        match &*self.gate.peek() {
            Gate::Open(session) => {
                let rows = |form| session.phone.document_rows(form, Some(&visiting.patient)).unwrap_or_default();
                Form::ALL.into_iter().any(|form| rows(form).iter().any(|row| row.note == note))
            }
            _ => false,
        }
    }

    /// A note says who is visited; `None`: its visit is not under way (any more).
    pub fn visit(mut self, note: DocumentId, visiting: Option<Visiting>) {
        let is_this = (*self.visiting.peek()).as_ref().is_some_and(|before| before.note == note);
        if visiting.is_some() || is_this {
            self.visiting.set(visiting);
        }
    }

    pub fn is_visiting(self) -> bool {
        self.visiting.read().is_some()
    }

    pub fn is_asked(self) -> bool {
        self.asked.read().is_some()
    }

    pub fn stay(mut self) {
        self.asked.set(None);
    }

    /// Leaves 訪問中モード, and takes the step that was asked about.
    pub fn leave_visit(mut self) {
        self.visiting.set(None);
        let asked = self.asked.write().take();
        if let Some(step) = asked {
            self.take(step);
        }
    }

    pub fn keep_section(mut self, note: DocumentId, section: usize) {
        self.section.set(Some((note, section)));
    }

    pub fn section_of(self, note: DocumentId) -> Option<usize> {
        let kept = *self.section.peek();
        kept.filter(|(kept, _)| *kept == note).map(|(_, section)| section)
    }

    /// 目隠し. What is being typed is saved first: the screen behind it is taken down, words and all.
    pub fn draw_curtain(mut self) {
        self.fields.flush();
        self.curtain.set(Some(Moment::now()));
    }

    pub fn is_curtained(self) -> bool {
        self.curtain.read().is_some()
    }

    /// A tap on the curtain: lifts a young one, locks behind an older. Says whether it is gone.
    pub fn lift_curtain(mut self) -> bool {
        if self.curtained().is_some_and(|away| away.ms > CURTAIN_MS) {
            return self.lock();
        }
        self.curtain.set(None);
        true
    }

    /// How long the curtain has stood.
    pub fn curtained(self) -> Option<Away> {
        let since = *self.curtain.peek();
        since.map(|since| since.away())
    }

    /// What is being typed is saved first; then keys are wiped and the file is closed, before this returns, whatever still
    /// runs. A text that a full disk does not take keeps the app open: the screen says how much room it needs, and it is
    /// tried again. Says whether it locked.
    pub fn lock(self) -> bool {
        let Gate::Open(session) = self.gate.peek().clone() else { return true };
        self.fields.flush();
        session.retry_unsaved();
        if !session.unsaved.borrow().is_empty() {
            return false;
        }
        self.close(session);
        true
    }

    /// The OS suspends the app. A text that a full disk does not take is not lost for it: it waits behind the curtain.
    pub fn suspend(mut self) {
        let times = *self.suspended.peek();
        self.suspended.set(times + 1);
        if !self.lock() {
            self.cover();
        }
    }

    /// A curtain that stands already grows no younger.
    pub fn cover(self) {
        if self.curtain.peek().is_none() {
            self.draw_curtain();
        }
    }

    /// How often the OS has suspended the app: what was opened across one of these times stays locked.
    pub fn times_suspended(self) -> u64 {
        *self.suspended.peek()
    }

    /// Locks whatever could not be saved: the keys are to go.
    pub fn lock_for_good(self) {
        let Gate::Open(session) = self.gate.peek().clone() else { return };
        self.fields.flush();
        session.retry_unsaved();
        self.close(session);
    }

    fn close(mut self, session: Session) {
        session.phone.suspend();
        self.curtain.set(None);
        self.visiting.set(None);
        self.asked.set(None);
        self.take(Step::Switch(Route::Today));
        self.gate.set(Gate::Unlock(session.vault));
    }

    pub fn route(self) -> Route {
        (self.route)()
    }
}
