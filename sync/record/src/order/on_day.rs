//! A patient's orders on a day, all of them together (domain §3.10: AT-O2, AT-O5).

use super::{AlertLevel, NursingOrder, alert_level, days_until};
use crate::ids::{DocumentId, FacilityId};
use crate::vitals::{AlertBounds, Bounds};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// All of a patient's orders on a day. Shows everything that holds; picks nothing silently (AT-O5).
#[derive(Debug, Clone, PartialEq)]
pub struct Orders {
    pub standing: PatientStanding,
    /// Every order that holds, the one with the latest end first.
    pub holding: Vec<NursingOrder>,
    /// Orders of two or more facilities hold at once: a person has to look.
    pub overlapping: bool,
    /// Last day of the special order that holds.
    pub special_until: Option<Date>,
    /// A special order holds, but no ordinary one does. It needs one (domain §3.1).
    pub special_without_order: bool,
    /// Last day of the drip order that holds.
    pub drip_until: Option<Date>,
    /// A psychiatric order holds.
    pub psychiatric: bool,
    /// An order that holds sets the SpO₂ target of 88–92 %.
    pub spo2_target_88_92: bool,
    /// Report bounds of the orders that hold, by field.
    pub alerts: Vec<OrderedBounds>,
}

/// Whether a patient's visits rest on an order. Drip orders do not count: they stand beside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatientStanding {
    /// No order is known here.
    NoOrder,
    NotYet {
        begins: Date,
    },
    /// `until` is the end of what holds and of the ordinary orders that follow without a gap: after a renewal nobody is
    /// warned of the old one's end.
    Holds {
        until: Date,
        days_left: i32,
        alert: Option<AlertLevel>,
    },
    /// 指示書期限切れ: shown in red and listed to the manager; a visit note still opens (AT-O2).
    Expired {
        ended: Date,
    },
}

/// Report bounds on one field, each side with the order that it stands in.
///
/// Where two orders disagree the stricter of each side is kept — the higher lower bound, the lower upper bound — so that
/// nothing goes unreported that one of the doctors wants to hear; `disputed` then asks for a person's eyes.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderedBounds {
    pub field: String,
    pub low: Option<OrderedBound>,
    pub high: Option<OrderedBound>,
    /// Two orders name different values for a side, or leave no value between the two sides.
    pub disputed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderedBound {
    pub value: f64,
    pub order: DocumentId,
}

impl Orders {
    /// How a patient's orders stand on a day. `orders` are that one patient's.
    pub fn on(orders: &[NursingOrder], day: Date) -> Self {
        let mut holding: Vec<&NursingOrder> = orders.iter().filter(|order| order.holds_on(day)).collect();
        holding.sort_by_key(|order| (std::cmp::Reverse((order.until, order.from)), order.id));
        let last_of = |wanted: fn(&NursingOrder) -> bool| {
            holding.iter().filter(|order| wanted(order)).map(|order| order.until).max()
        };
        let facilities: BTreeSet<&FacilityId> = holding.iter().map(|order| &order.facility).collect();
        let special_until = last_of(|order| order.special);
        Self {
            standing: standing(orders, day),
            overlapping: facilities.len() > 1,
            special_until,
            special_without_order: special_until.is_some() && last_of(NursingOrder::is_ordinary).is_none(),
            drip_until: last_of(|order| order.drip),
            psychiatric: holding.iter().any(|order| order.psychiatric),
            spo2_target_88_92: holding.iter().any(|order| order.spo2_target_88_92),
            alerts: merged_alerts(&holding),
            holding: holding.into_iter().cloned().collect(),
        }
    }

    /// Whether the day lies inside a special order (特別指示期間).
    pub fn is_special(&self) -> bool {
        self.special_until.is_some()
    }

    /// The bounds as the vital signs are judged by them.
    ///
    /// With an SpO₂ target of 88–92 % and no bound of its own, 87 % and below is reported (domain §4.1).
    pub fn alert_bounds(&self) -> AlertBounds {
        let bounds = |ordered: &OrderedBounds| Bounds {
            low: ordered.low.map(|bound| bound.value),
            high: ordered.high.map(|bound| bound.value),
        };
        let mut all: AlertBounds = self.alerts.iter().map(|o| (o.field.clone(), bounds(o))).collect();
        if self.spo2_target_88_92 {
            all.entry("spo2_percent".to_string()).or_insert(Bounds { low: Some(87.0), high: None });
        }
        all
    }

    /// The doctors' bounds on a field, if an order that holds names it.
    pub fn alert(&self, field: &str) -> Option<&OrderedBounds> {
        self.alerts.iter().find(|bounds| bounds.field == field)
    }
}

fn standing(orders: &[NursingOrder], day: Date) -> PatientStanding {
    let counted = || orders.iter().filter(|order| !order.drip);
    let ends = |ordinary_only: bool| {
        let holds = counted().filter(|order| order.holds_on(day) && (order.is_ordinary() || !ordinary_only));
        holds.map(|order| order.until).max()
    };
    if let Some(end) = ends(true).or_else(|| ends(false)) {
        let until = without_gap(orders, end);
        let days_left = days_until(day, until);
        return PatientStanding::Holds { until, days_left, alert: alert_level(days_left) };
    }
    let ended = counted().filter(|order| order.until < day).map(|order| order.until).max();
    let begins = counted().filter(|order| order.from > day).map(|order| order.from).min();
    match (ended, begins) {
        (Some(ended), _) => PatientStanding::Expired { ended },
        (None, Some(begins)) => PatientStanding::NotYet { begins },
        (None, None) => PatientStanding::NoOrder,
    }
}

/// The end of the ordinary orders that follow `end` without a gap.
fn without_gap(orders: &[NursingOrder], end: Date) -> Date {
    let mut following: Vec<&NursingOrder> = orders.iter().filter(|order| order.is_ordinary()).collect();
    following.sort_by_key(|order| order.from);
    following.into_iter().fold(
        end,
        |end, order| {
            if order.from <= end.saturating_add(1.day()) { end.max(order.until) } else { end }
        },
    )
}

fn merged_alerts(holding: &[&NursingOrder]) -> Vec<OrderedBounds> {
    let mut by_field: BTreeMap<&str, OrderedBounds> = BTreeMap::new();
    for order in holding {
        for alert in &order.alerts {
            let merged = by_field.entry(&alert.field).or_insert_with(|| OrderedBounds {
                field: alert.field.clone(),
                low: None,
                high: None,
                disputed: false,
            });
            // What is no number orders nothing.
            let bound =
                |side: Option<f64>| side.filter(|v| !v.is_nan()).map(|value| OrderedBound { value, order: order.id });
            let (low, high) = (bound(alert.low), bound(alert.high));
            merged.disputed |= differ(merged.low, low) || differ(merged.high, high);
            merged.low = stricter(merged.low, low, |new, old| new > old);
            merged.high = stricter(merged.high, high, |new, old| new < old);
        }
    }
    for merged in by_field.values_mut() {
        merged.disputed |= matches!((merged.low, merged.high), (Some(low), Some(high)) if low.value >= high.value);
    }
    by_field.into_values().collect()
}

fn differ(one: Option<OrderedBound>, other: Option<OrderedBound>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one.value != other.value)
}

fn stricter(old: Option<OrderedBound>, new: Option<OrderedBound>, beats: fn(f64, f64) -> bool) -> Option<OrderedBound> {
    match (old, new) {
        (Some(old), Some(new)) => Some(if beats(new.value, old.value) { new } else { old }),
        (old, new) => old.or(new),
    }
}
