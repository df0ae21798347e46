//! The app's frame: what it was launched with, whether it is unlocked, which screen stands.

pub use crate::look::Look;
pub use crate::shell::{Fields, Shell};

use crate::components::{Curtain, UnsavedBar};
use crate::idle::{Due, Moment, due};
use crate::kept_look::{KeptLook, file_beside};
use crate::look::classes;
use crate::platform::Suspends;
use crate::screens::visiting::{LeaveQuestion, VisitBar};
use crate::screens::{
    amend, choose, close, document, enrol, family, handover, history, manager, notes, on_call, patient, patients,
    search, settings, sync, today, unlock, visit_note,
};
use crate::text::{Language, Words, error_words, whole_label};
use crate::unsaved::{EditKey, HALF, HALF_CLOSING, RETRY_AFTER, UnsavedEdits, retry};
use device::jiff::Timestamp;
use device::read::Status;
use device::record::{DocumentId, Form, PatientId, VisitId};
use device::{Background, BiometricStore, DeviceError, Phone, Pill, VaultError};
use dioxus::prelude::*;
use std::cell::RefCell;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// So long after a change a screen is certainly painted.
const UNTIL_PAINTED: Duration = Duration::from_millis(200);

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
    /// Whoever says that the OS is about to suspend the app, where anybody does.
    pub suspends: Option<Suspends>,
}

/// Where the nurse is. No patient's words in here: it may become a URL one day.
#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    Today,
    Patients,
    /// One patient; of which of today's visits, where a card of the day leads there.
    Patient(PatientId, Option<VisitId>),
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
    Settings,
    Search,
    OnCall,
    /// One vital sign for the family's eyes.
    Family(PatientId, &'static str),
}

/// What the vault has not taken (a full disk). It outlives its screen, and no lock throws it away.
pub type Unsaved = Rc<RefCell<UnsavedEdits>>;

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

impl Session {
    /// Tries again what the vault has not taken. Answers what it will never take.
    pub fn retry_unsaved(&self) -> Vec<(EditKey, DeviceError)> {
        retry(&self.unsaved, |key, edit| edit.save(&self.phone, key, Timestamp::now()))
    }

    /// What waits of a document belongs to whatever freezes it: an error if any of it is not taken.
    pub fn save_first(&self, note: DocumentId) -> Result<(), DeviceError> {
        let refused = self.retry_unsaved().into_iter().find(|((of, _), _)| *of == note);
        match refused {
            Some((_, error)) => Err(error),
            None if self.unsaved.borrow().holds(note) => Err(VaultError::Full.into()),
            None => Ok(()),
        }
    }
}

/// What changes while the app is open: every screen that reads it is drawn again.
#[derive(Clone, Copy, PartialEq)]
pub struct Live {
    pub revision: Signal<u64>,
    pub pill: Signal<Pill>,
    /// Read once a change, shown in many places.
    pub status: Memo<Standing>,
    /// How many edits the vault has not taken.
    pub waiting: Signal<usize>,
}

impl Live {
    pub fn wait_for(mut self, edits: usize) {
        if *self.waiting.peek() != edits {
            self.waiting.set(edits);
        }
    }
}

/// How the phone stands; `None` if the vault could not say.
#[derive(Clone, PartialEq)]
pub struct Standing(pub Option<Rc<Status>>);

#[component]
pub fn App() -> Element {
    let launch = use_context::<Launch>();
    let (look_file, language) = (file_beside(&launch.vault), launch.language);
    let look = use_context_provider(|| Look::new(KeptLook::read(&look_file, language)));
    use_effect(move || look.kept().keep(&look_file, language));
    let first = match device::tablet::vaults_beside(&launch.vault).as_slice() {
        [] => Gate::Enrol(launch.vault.clone()),
        [one] => Gate::Unlock(one.path.clone()),
        _ => Gate::Choose,
    };
    let fields = use_context_provider(Fields::none);
    let shell = use_context_provider(|| Shell::new(first, fields));
    let mut touched = use_signal(Moment::now);
    use_future(move || async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            if !matches!(*shell.gate.peek(), Gate::Open(_)) {
                continue;
            }
            // Time asleep counts: a lid that was closed overnight does not open on a patient.
            let idle = touched.peek().away();
            match due(idle, shell.curtained(), *look.lock_minutes.peek()) {
                Due::LockForGood => shell.lock_for_good(),
                Due::Lock => {
                    if !shell.lock() && idle.slept() {
                        shell.cover();
                    }
                }
                Due::Nothing => {}
            }
        }
    });
    let suspends = launch.suspends;
    use_future(move || async move {
        let Some(suspends) = suspends else { return };
        let mut suspends = suspends();
        while let Some(suspending) = suspends.recv().await {
            shell.suspend();
            // The locked screen is painted by then: when the machine wakes nothing else is seen.
            tokio::time::sleep(UNTIL_PAINTED).await;
            drop(suspending);
        }
    });
    let scale = f64::from((look.text_size)()) / 100.0;
    let language = (look.language)();
    let class = classes((look.theme)(), (look.left_hand)(), (look.text_size)());
    rsx! {
        div {
            class: "{class}",
            lang: language.code(),
            style: "--s: {scale}",
            onpointerdown: move |_| touched.set(Moment::now()),
            onkeydown: move |_| touched.set(Moment::now()),
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
        Standing(phone.status(Timestamp::now()).ok().map(Rc::new))
    });
    let waiting = use_signal(|| 0usize);
    let live = use_context_provider(|| Live { revision, pill, status, waiting });
    use_context_provider(|| search::Searched(Signal::new(Default::default())));
    let given_up = use_signal(|| None::<String>);
    use_hook(|| look.read(&session.phone));
    let kept = session.clone();
    use_future(move || keep_trying(kept.clone(), live, look, given_up));
    use_context_provider(|| visit_note::PhotoModels(Signal::new(Default::default())));
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
    if shell.is_curtained() {
        return rsx! { Curtain {} };
    }
    let route = shell.route();
    // For other eyes than the nurse's: nothing stands above it.
    let is_shared = matches!(route, Route::Family(..));
    rsx! {
        if !is_shared {
            VisitBar {}
            UnsavedBar { given_up }
        }
        Screen { route }
        LeaveQuestion {}
    }
}

/// One screen. Another one is mounted anew, and begins at its top.
#[component]
fn Screen(route: Route) -> Element {
    let name = format!("{route:?}");
    rsx! {
        for key in std::iter::once(name) {
            div { key: "{key}", class: "screen", On { route: route.clone() } }
        }
    }
}

#[component]
fn On(route: Route) -> Element {
    match route {
        Route::Today => rsx! { today::Today {} },
        Route::Patients => rsx! { patients::Patients {} },
        Route::Patient(id, visit) => rsx! { patient::PatientScreen { key: "{id}", id: id.clone(), visit } },
        Route::Note(id) => rsx! { visit_note::VisitNoteScreen { key: "{id}", id } },
        Route::Document(id) => rsx! { document::DocumentScreen { key: "{id}", id } },
        Route::Handover(patient) => rsx! { handover::HandoverScreen { key: "{patient}", patient: patient.clone() } },
        Route::Amend(id, field) => rsx! { amend::AmendScreen { key: "{id}", id, field } },
        Route::History(id) => rsx! { history::HistoryScreen { key: "{id}", id } },
        Route::CloseNote(id) => rsx! { close::CloseScreen { key: "{id}", id } },
        Route::Manager => rsx! { manager::ManagerScreen {} },
        Route::Notes => rsx! { notes::Notes {} },
        Route::Sync => rsx! { sync::SyncScreen {} },
        Route::Settings => rsx! { settings::SettingsScreen {} },
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
        device::capsule::push_until_done(&vault, &store).await;
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

/// Tries every few seconds what the vault has not taken, and looks at the clock, whatever screen stands.
async fn keep_trying(session: Session, live: Live, look: Look, mut given_up: Signal<Option<String>>) {
    loop {
        tokio::time::sleep(RETRY_AFTER).await;
        let words = Words(*look.language.peek());
        for ((note, field), error) in session.retry_unsaved() {
            let form = session.phone.show_note(note).map_or(Form::VisitNote, |note| note.row.form);
            let half = field.strip_prefix(HALF_CLOSING).or_else(|| field.strip_prefix(HALF));
            let field = half.unwrap_or(&field);
            let said = format!("{}: {}", whole_label(words, form, field), error_words(words, &error));
            given_up.set(Some(said));
        }
        live.wait_for(session.unsaved.borrow().len());
        look_at_clock(session.phone.clone()).await;
    }
}

/// What a lapsed lease locks, and another day's visits, change without anybody's hand. Off the screen's thread: a sync may hold
/// the vault for a while. A vault that cannot be read says so on every screen.
pub(crate) async fn look_at_clock(phone: Arc<Phone>) {
    let _ = tokio::task::spawn_blocking(move || phone.look_at_clock(Timestamp::now())).await;
}

/// Words for a component that stands inside the app.
pub fn words() -> Words {
    crate::text::use_words()
}
