//! 訂正する: one field of a confirmed note, its new value, the reason, signed.
mod aside;
mod half;
mod pair;
mod reason;
mod said;
mod sections;
mod update;
mod view;

pub use aside::{Asides, HalfUnread};
pub use half::{forget_half, half_typed, keep_half};
pub use pair::{BeforeAfter, Pair};
pub use reason::Reason;
pub use said::{label, moment, read_note, refusal, short_label, thawed, value, verdict_words, who};
pub use sections::sections;
pub use view::*;
