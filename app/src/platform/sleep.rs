//! Linux says on the system bus that the machine is about to sleep, and waits a moment for whoever asked it to (systemd-logind:
//! `PrepareForSleep`, and inhibitor locks of the kind `delay`). Where nobody says it, time asleep still counts as away.

use super::Suspending;
use gio::glib::VariantTy;
use gio::prelude::*;
use gio::{BusType, Cancellable, DBusCallFlags, DBusConnection, DBusSignalFlags, UnixFDList};
use std::cell::RefCell;
use std::rc::Rc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const LOGIND: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";

/// What keeps the machine awake for a moment, while it is held.
type Lock = Rc<RefCell<Option<UnixFDList>>>;

/// Call on the window's own thread.
pub fn watch() -> UnboundedReceiver<Suspending> {
    let (tell, hear) = unbounded_channel();
    gio::bus_get(BusType::System, Cancellable::NONE, move |bus| match bus {
        Ok(bus) => listen(bus, tell),
        Err(error) => tracing::info!(%error, "nobody will say that the machine is about to sleep"),
    });
    hear
}

fn listen(bus: DBusConnection, tell: UnboundedSender<Suspending>) {
    // By default the end of the bus would be the end of the app.
    bus.set_exit_on_close(false);
    let lock = Lock::default();
    ask_to_wait(&bus, lock.clone());
    let kept = bus.clone();
    bus.signal_subscribe(
        Some(LOGIND),
        Some(MANAGER),
        Some("PrepareForSleep"),
        Some(PATH),
        None,
        DBusSignalFlags::NONE,
        move |_, _, _, _, _, told| match told.get::<(bool,)>() {
            Some((true,)) => {
                let _ = tell.send(Suspending(lock.take().map(|lock| Box::new(lock) as _)));
            }
            Some((false,)) => ask_to_wait(&kept, lock.clone()),
            None => {}
        },
    );
}

fn ask_to_wait(bus: &DBusConnection, lock: Lock) {
    // A handle, and so a list of files beside the answer: any other answer is refused.
    let Ok(handle) = VariantTy::new("(h)") else { return };
    let asked = ("sleep", "つつじ", "locks before the machine sleeps", "delay").to_variant();
    bus.call_with_unix_fd_list(
        Some(LOGIND),
        PATH,
        MANAGER,
        "Inhibit",
        Some(&asked),
        Some(handle),
        DBusCallFlags::NONE,
        -1,
        UnixFDList::NONE,
        Cancellable::NONE,
        move |answer| match answer {
            Ok((_, held)) => {
                lock.replace(Some(held));
            }
            Err(error) => tracing::info!(%error, "the machine will not wait before it sleeps"),
        },
    );
}
