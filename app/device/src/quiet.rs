//! Panics say where, never what: their messages may carry a patient's words.

/// Replaces the process's panic message by its place in the code. Call first in `main`.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        eprintln!("internal error at {place}; nothing that was saved is lost");
    }));
}
