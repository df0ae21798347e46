//! The app's frame: what it was launched with, whether it is unlocked, which screen stands.

use crate::components::Edited;
use crate::screens::{
    amend, choose, close, document, enrol, family, handover, history, manager, notes, on_call, patient, patients,
    search, sync, today, unlock, visit_note,
};
use crate::text::{Language, Words};
use device::read::Status;
use device::record::{DocumentId, PatientId};
use device::{Background, BiometricStore, Phone, Pill, RunningTime};
use dioxus::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A way to a demo invitation: starts a hub with sample patients if none runs, and answers with its enrolment code.
pub type DemoInvitation = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<String>> + Send>> + Send + Sync>;

/// What the app was launched with.
#[derive(Clone)]
pub struct Launch {
    /// The device's first vault; the vaults of other nurses stand beside it.
    pub vault: PathBuf,
    /// The OS's finger or face, where it has one.
    pub biometrics: Option<Arc<dyn BiometricStore>>,
    /// Offered on the enrolment screen.
    pub demo: Option<DemoInvitation>,
    /// A demo's PIN stands on the unlock screen; nobody else's does.
    pub pin_hint: Option<String>,
    pub language: Language,
}

/// Where the nurse is. No patient's words in here: it may become a URL one day.
#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    Today,
    Patients,
    Patient(PatientId),
    Note(DocumentId),
    /// 記録書Ⅰ, 計画書 or 報告書.
    Document(DocumentId),
    /// 申し送り
    Handover(PatientId),
    /// 訂正する; the field, where it is already known which.
    Amend(DocumentId, Option<String>),
    History(DocumentId),
    CloseNote(DocumentId),
    Manager,
    Notes,
    Sync,
    Search,
    OnCall,
    /// One vital sign for the family's eyes.
    Family(PatientId, &'static str),
}

/// How things look: language and size of the text.
#[derive(Clone, Copy, PartialEq)]
pub struct Look {
    pub language: Signal<Language>,
    /// Percent: 100, 150, 200.
    pub text_size: Signal<u16>,
}

/// Where the app stands.
#[derive(Clone, Copy, PartialEq)]
pub struct Shell {
    pub gate: Signal<Gate>,
    route: Signal<Route>,
    behind: Signal<Vec<Route>>,
    fields: Fields,
}

/// The fields that are being typed in: each is asked for its last words before the app locks.
#[derive(Clone, Copy, PartialEq)]
pub struct Fields {
    open: Signal<BTreeMap<u64, Callback<()>>>,
}

impl Fields {
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

/// Texts that the vault has not taken (a full disk). They outlive their screen, and no lock throws them away.
pub type Unsaved = Rc<RefCell<BTreeMap<(DocumentId, String), Edited>>>;

/// In front of the records: enrol, unlock, or open.
#[derive(Clone, PartialEq)]
pub enum Gate {
    /// Whose vault: several nurses share this device, or one more is to come.
    Choose,
    Enrol(PathBuf),
    Unlock(PathBuf),
    Open(Session),
}

/// An unlocked phone and its background sync. Dropping the last copy locks.
#[derive(Clone)]
pub struct Session {
    pub vault: PathBuf,
    pub phone: Arc<Phone>,
    pub background: Rc<Background>,
    pub unsaved: Unsaved,
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.phone, &other.phone)
    }
}

/// What changes while the app is open: every screen that reads it is drawn again.
#[derive(Clone, Copy, PartialEq)]
pub struct Live {
    pub revision: Signal<u64>,
    pub pill: Signal<Pill>,
    /// Read once a change, shown in many places.
    pub status: Memo<Standing>,
}

/// How the phone stands; `None` if the vault could not say.
#[derive(Clone, PartialEq)]
pub struct Standing(pub Option<Rc<Status>>);

impl Shell {
    pub fn go(mut self, route: Route) {
        let here = self.route.peek().clone();
        if here != route {
            self.behind.write().push(here);
            self.route.set(route);
        }
    }

    /// A tab: nothing lies behind it.
    pub fn switch(mut self, route: Route) {
        self.behind.write().clear();
        self.route.set(route);
    }

    pub fn back(mut self) {
        let before = self.behind.write().pop().unwrap_or(Route::Today);
        self.route.set(before);
    }

    /// What is being typed is saved first; then keys are wiped and the file is closed, before this returns, whatever still
    /// runs. A text that a full disk does not take keeps the app open: the screen says how much room it needs, and it is
    /// tried again. Says whether it locked.
    pub fn lock(self) -> bool {
        let Gate::Open(session) = self.gate.peek().clone() else { return true };
        self.fields.flush();
        if !session.unsaved.borrow().is_empty() {
            return false;
        }
        self.close(session);
        true
    }

    /// Locks whatever could not be saved: the keys are to go.
    fn lock_for_good(self) {
        let Gate::Open(session) = self.gate.peek().clone() else { return };
        self.fields.flush();
        self.close(session);
    }

    fn close(mut self, session: Session) {
        session.phone.suspend();
        self.switch(Route::Today);
        self.gate.set(Gate::Unlock(session.vault));
    }

    pub fn route(self) -> Route {
        (self.route)()
    }
}

/// No touch for this long locks (domain §6.2: three minutes).
const IDLE: Duration = Duration::from_secs(180);
/// However much is unsaved: by then nobody is coming back to free some space.
const LONGEST_IDLE: Duration = Duration::from_secs(1_800);

#[component]
pub fn App() -> Element {
    let launch = use_context::<Launch>();
    let look = use_context_provider(|| Look { language: Signal::new(launch.language), text_size: Signal::new(100) });
    let first = match device::tablet::vaults_beside(&launch.vault).as_slice() {
        [] => Gate::Enrol(launch.vault.clone()),
        [one] => Gate::Unlock(one.path.clone()),
        _ => Gate::Choose,
    };
    let fields = use_context_provider(|| Fields { open: Signal::new(BTreeMap::new()) });
    let shell = use_context_provider(|| Shell {
        gate: Signal::new(first),
        route: Signal::new(Route::Today),
        behind: Signal::new(Vec::new()),
        fields,
    });
    let mut touched = use_signal(RunningTime::now);
    use_future(move || async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            // Time asleep counts: a lid that was closed overnight does not open on a patient.
            let idle_ms = u128::from(RunningTime::now().since(&touched.peek()));
            if matches!(*shell.gate.peek(), Gate::Open(_)) && idle_ms > IDLE.as_millis() {
                // A text that is not taken keeps the screen for a while, not for ever: whoever finds the phone must not read it.
                if idle_ms > LONGEST_IDLE.as_millis() {
                    shell.lock_for_good();
                } else {
                    shell.lock();
                }
            }
        }
    });
    let size = (look.text_size)();
    let language = (look.language)();
    rsx! {
        div {
            class: "app",
            lang: language.code(),
            style: "--s: {f64::from(size) / 100.0}",
            onpointerdown: move |_| touched.set(RunningTime::now()),
            onkeydown: move |_| touched.set(RunningTime::now()),
            match (shell.gate)() {
                Gate::Choose => rsx! { choose::Choose {} },
                Gate::Enrol(vault) => rsx! { enrol::Enrol { vault } },
                Gate::Unlock(vault) => rsx! { unlock::Unlock { vault } },
                Gate::Open(session) => rsx! { Open { session } },
            }
        }
    }
}

/// Everything behind the lock.
#[component]
fn Open(session: Session) -> Element {
    let shell = use_context::<Shell>();
    let look = use_context::<Look>();
    let session = use_context_provider(|| session);
    let revision = use_signal(|| 0u64);
    let pill = use_signal(|| Pill::Unknown);
    let phone = session.phone.clone();
    let status = use_memo(move || {
        // A sync that brought nothing still moves "last sync".
        let _ = (revision(), pill());
        Standing(phone.status(device::jiff::Timestamp::now()).ok().map(Rc::new))
    });
    use_context_provider(|| Live { revision, pill, status });
    use_context_provider(|| search::Searched(Signal::new(Default::default())));
    use_context_provider(|| visit_note::PhotoModels(Signal::new(BTreeMap::new())));
    use_hook(|| read_settings(&session.phone, look));
    let changes = session.phone.changes();
    use_future(move || follow(changes.clone(), revision));
    let pills = session.background.pill();
    use_future(move || follow(pills.clone(), pill));
    let vault = session.vault.clone();
    use_effect(move || {
        if pill() == Pill::WipeOrdered {
            shell.lock_for_good();
            bring_sealed(vault.clone());
        }
    });
    match shell.route() {
        Route::Today => rsx! { today::Today {} },
        Route::Patients => rsx! { patients::Patients {} },
        Route::Patient(id) => rsx! { patient::PatientScreen { key: "{id}", id: id.clone() } },
        Route::Note(id) => rsx! { visit_note::VisitNoteScreen { key: "{id}", id } },
        Route::Document(id) => rsx! { document::DocumentScreen { key: "{id}", id } },
        Route::Handover(patient) => rsx! { handover::HandoverScreen { key: "{patient}", patient: patient.clone() } },
        Route::Amend(id, field) => rsx! { amend::AmendScreen { key: "{id}", id, field } },
        Route::History(id) => rsx! { history::HistoryScreen { key: "{id}", id } },
        Route::CloseNote(id) => rsx! { close::CloseScreen { key: "{id}", id } },
        Route::Manager => rsx! { manager::ManagerScreen {} },
        Route::Notes => rsx! { notes::Notes {} },
        Route::Sync => rsx! { sync::SyncScreen {} },
        Route::Search => rsx! { search::Search {} },
        Route::OnCall => rsx! { on_call::OnCall {} },
        Route::Family(id, field) => rsx! { family::FamilyScreen { key: "{id}", id: id.clone(), field } },
    }
}

/// What a locked device still does: it sends what was written, sealed, and destroys its keys if the hub says so. Tried again
/// until it is done; nothing is lost by waiting.
pub fn bring_sealed(vault: std::path::PathBuf) {
    tokio::spawn(async move {
        let store = device::FileKeyStore::beside(&vault);
        let mut wait = Duration::from_secs(5);
        while let Err(error) = device::capsule::push(&vault, &store).await {
            tracing::warn!(%error, "the sealed copies wait");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(900));
        }
    });
}

/// Copies what a channel says into a signal, until the channel closes.
async fn follow<T: Copy + PartialEq + 'static>(mut channel: tokio::sync::watch::Receiver<T>, mut signal: Signal<T>) {
    loop {
        let now = *channel.borrow_and_update();
        if *signal.peek() != now {
            signal.set(now);
        }
        if channel.changed().await.is_err() {
            return;
        }
    }
}

fn read_settings(phone: &Phone, mut look: Look) {
    if let Ok(Some(code)) = phone.setting("language") {
        look.language.set(Language::of_code(&code));
    }
    if let Some(size) = phone.setting("text_size").ok().flatten().and_then(|size| size.parse().ok()) {
        look.text_size.set(size);
    }
}

/// Words for a component that stands inside the app.
pub fn words() -> Words {
    crate::text::use_words()
}
