//! What whole documents cost a hub's own process: its threads' time on a processor inside the span `materialise`. Where it only
//! appends what comes, receipts it and tells it, this would not be spent.

use crate::Done;
use crate::cost::on_processor;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tracing::span::Id;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

const SPAN: &str = "materialise";

thread_local! {
    /// When this thread went into the span.
    static BEGUN: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Adds up, and writes the sum into a file: the process is killed without warning.
struct Checking {
    file: PathBuf,
    sum: Mutex<Duration>,
}

impl<S: tracing::Subscriber> Layer<S> for Checking {
    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        BEGUN.set(on_processor());
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        let Ok(mut sum) = self.sum.lock() else { return };
        *sum += on_processor().saturating_sub(BEGUN.get());
        // Nothing can be said from in here; who reads the file finds it as it was.
        let _ = std::fs::write(&self.file, sum.as_micros().to_string());
    }
}

/// From here on this process writes down what it spends on documents. What a hub warns of is still said.
pub fn write_down(file: &Path) -> Done {
    let layer = Checking { file: file.to_path_buf(), sum: Mutex::default() };
    let only = layer.with_filter(filter_fn(|metadata| metadata.is_span() && metadata.name() == SPAN));
    let warnings = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(LevelFilter::WARN);
    tracing::subscriber::set_global_default(Registry::default().with(only).with(warnings))?;
    Ok(std::fs::write(file, "0")?)
}

/// What such a process has written down.
pub fn written_down(file: &Path) -> Done<Duration> {
    Ok(Duration::from_micros(std::fs::read_to_string(file)?.parse()?))
}
