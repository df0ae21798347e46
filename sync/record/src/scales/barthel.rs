//! Barthel Index: what a person can do in daily life, 0–100 (Mahoney & Barthel 1965; domain §4.4).
//!
//! Ten items of 5-point steps. The total is shown only when all ten are answered: an unanswered item is not 0.

use crate::visit_note::FieldValue;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The items in the order of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarthelItem {
    Feeding,
    Transfer,
    Grooming,
    Toilet,
    Bathing,
    Walking,
    Stairs,
    Dressing,
    Bowels,
    Bladder,
}

impl BarthelItem {
    pub const ALL: [BarthelItem; 10] = [
        BarthelItem::Feeding,
        BarthelItem::Transfer,
        BarthelItem::Grooming,
        BarthelItem::Toilet,
        BarthelItem::Bathing,
        BarthelItem::Walking,
        BarthelItem::Stairs,
        BarthelItem::Dressing,
        BarthelItem::Bowels,
        BarthelItem::Bladder,
    ];

    pub fn code(self) -> &'static str {
        match self {
            BarthelItem::Feeding => "feeding",
            BarthelItem::Transfer => "transfer",
            BarthelItem::Grooming => "grooming",
            BarthelItem::Toilet => "toilet",
            BarthelItem::Bathing => "bathing",
            BarthelItem::Walking => "walking",
            BarthelItem::Stairs => "stairs",
            BarthelItem::Dressing => "dressing",
            BarthelItem::Bowels => "bowels",
            BarthelItem::Bladder => "bladder",
        }
    }

    pub fn label_ja(self) -> &'static str {
        match self {
            BarthelItem::Feeding => "食事",
            BarthelItem::Transfer => "移乗",
            BarthelItem::Grooming => "整容",
            BarthelItem::Toilet => "トイレ",
            BarthelItem::Bathing => "入浴",
            BarthelItem::Walking => "歩行",
            BarthelItem::Stairs => "階段",
            BarthelItem::Dressing => "更衣",
            BarthelItem::Bowels => "排便",
            BarthelItem::Bladder => "排尿",
        }
    }

    /// The points that this item takes, fewest first; the last is its maximum.
    pub fn allowed(self) -> &'static [u8] {
        match self {
            BarthelItem::Grooming | BarthelItem::Bathing => &[0, 5],
            BarthelItem::Feeding
            | BarthelItem::Toilet
            | BarthelItem::Stairs
            | BarthelItem::Dressing
            | BarthelItem::Bowels
            | BarthelItem::Bladder => &[0, 5, 10],
            BarthelItem::Transfer | BarthelItem::Walking => &[0, 5, 10, 15],
        }
    }
}

/// Why points were not taken. Says what the item takes; never repeats what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BarthelError {
    #[error("{} ({}) takes one of: {}", item.code(), item.label_ja(), steps(*item))]
    NotAllowed { item: BarthelItem },
}

fn steps(item: BarthelItem) -> String {
    item.allowed().iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

/// An assessment, finished or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Barthel {
    points: BTreeMap<BarthelItem, u8>,
}

impl Barthel {
    /// Out of a report's `barthel.<item>` fields. A value that is none of the item's steps counts as missing.
    pub fn of_report(values: &crate::vitals::Values) -> Self {
        let mut index = Self::default();
        for item in BarthelItem::ALL {
            if let Some(FieldValue::Number(points)) = values.get(&format!("barthel.{}", item.code())) {
                // Refused steps stay missing: the total is then not shown.
                let _ = index.set(item, *points as u8);
            }
        }
        index
    }

    /// Answers one item, or answers it anew.
    pub fn set(&mut self, item: BarthelItem, points: u8) -> Result<(), BarthelError> {
        if !item.allowed().contains(&points) {
            return Err(BarthelError::NotAllowed { item });
        }
        self.points.insert(item, points);
        Ok(())
    }

    pub fn points(&self, item: BarthelItem) -> Option<u8> {
        self.points.get(&item).copied()
    }

    /// The items still to be answered, in the order of the form.
    pub fn missing(&self) -> Vec<BarthelItem> {
        BarthelItem::ALL.into_iter().filter(|item| !self.points.contains_key(item)).collect()
    }

    /// 0–100, once all ten items are answered.
    pub fn total(&self) -> Option<u8> {
        self.missing().is_empty().then(|| self.points.values().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pick: fn(&[u8]) -> Option<&u8>) -> Result<Barthel, BarthelError> {
        let mut barthel = Barthel::default();
        for item in BarthelItem::ALL {
            barthel.set(item, pick(item.allowed()).copied().unwrap_or(u8::MAX))?;
        }
        Ok(barthel)
    }

    #[test]
    fn at_b1_all_maxima_make_one_hundred() -> Result<(), BarthelError> {
        assert_eq!(all(|allowed| allowed.last())?.total(), Some(100));
        assert_eq!(all(|allowed| allowed.first())?.total(), Some(0));
        Ok(())
    }

    #[test]
    fn at_b1_seven_points_are_refused_for_every_item_and_change_nothing() -> Result<(), BarthelError> {
        let mut barthel = all(|allowed| allowed.last())?;
        for item in BarthelItem::ALL {
            assert_eq!(barthel.set(item, 7), Err(BarthelError::NotAllowed { item }));
        }
        assert_eq!(barthel.total(), Some(100));
        Ok(())
    }

    #[test]
    fn each_item_has_its_own_maximum() {
        for (item, most) in [
            (BarthelItem::Feeding, 10),
            (BarthelItem::Transfer, 15),
            (BarthelItem::Grooming, 5),
            (BarthelItem::Toilet, 10),
            (BarthelItem::Bathing, 5),
            (BarthelItem::Walking, 15),
            (BarthelItem::Stairs, 10),
            (BarthelItem::Dressing, 10),
            (BarthelItem::Bowels, 10),
            (BarthelItem::Bladder, 10),
        ] {
            let mut barthel = Barthel::default();
            assert_eq!(barthel.set(item, most), Ok(()), "{item:?}");
            assert!(barthel.set(item, most + 5).is_err(), "{item:?}");
        }
    }

    #[test]
    fn an_unanswered_item_is_not_zero() -> Result<(), BarthelError> {
        let mut barthel = Barthel::default();
        for item in BarthelItem::ALL.into_iter().filter(|item| *item != BarthelItem::Stairs) {
            barthel.set(item, 5)?;
        }
        assert_eq!((barthel.total(), barthel.missing()), (None, vec![BarthelItem::Stairs]));
        barthel.set(BarthelItem::Stairs, 0)?;
        assert_eq!(barthel.total(), Some(45));
        Ok(())
    }

    #[test]
    fn a_refusal_says_what_the_item_takes() {
        let refused = Barthel::default().set(BarthelItem::Grooming, 7).map_err(|error| error.to_string());
        assert_eq!(refused, Err("grooming (整容) takes one of: 0, 5".to_string()));
    }

    #[test]
    fn a_report_without_one_item_has_no_total() {
        let mut values = crate::vitals::Values::new();
        for item in BarthelItem::ALL {
            let best = item.allowed().iter().max().copied().unwrap_or(0);
            values.insert(format!("barthel.{}", item.code()), FieldValue::Number(best.into()));
            assert!(crate::Form::VisitReport.field(&format!("barthel.{}", item.code())).is_ok());
        }
        assert_eq!(Barthel::of_report(&values).total(), Some(100));
        values.remove("barthel.stairs");
        assert_eq!(Barthel::of_report(&values).total(), None);
    }
}
