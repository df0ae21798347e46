//! Which two versions stand side by side.

use device::record::ChangeHash;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Model {
    left: Option<ChangeHash>,
    right: Option<ChangeHash>,
    /// Also the oldest ones.
    pub all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    LeftChosen(ChangeHash),
    RightChosen(ChangeHash),
    AllTapped,
}

pub fn update(model: &mut Model, event: Event) {
    match event {
        Event::LeftChosen(version) => model.left = Some(version),
        Event::RightChosen(version) => model.right = Some(version),
        Event::AllTapped => model.all = true,
    }
}

/// Places of the two versions in the list, oldest first: what was chosen, else the last one and the one before it.
pub fn pair(model: &Model, versions: &[ChangeHash]) -> Option<(usize, usize)> {
    let place = |wanted: Option<ChangeHash>| versions.iter().position(|version| Some(*version) == wanted);
    let right = place(model.right).or_else(|| versions.len().checked_sub(1))?;
    let left = place(model.left).or_else(|| right.checked_sub(1))?;
    Some((left, right))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: [ChangeHash; 4] =
        [ChangeHash([1; 32]), ChangeHash([2; 32]), ChangeHash([3; 32]), ChangeHash([4; 32])];

    #[test]
    fn the_last_change_stands_there_until_somebody_chooses() {
        let mut model = Model::default();
        assert_eq!(pair(&model, &VERSIONS), Some((2, 3)));
        update(&mut model, Event::RightChosen(VERSIONS[1]));
        assert_eq!(pair(&model, &VERSIONS), Some((0, 1)));
        update(&mut model, Event::LeftChosen(VERSIONS[3]));
        assert_eq!(pair(&model, &VERSIONS), Some((3, 1)), "any two, also backwards");
    }

    #[test]
    fn a_single_version_stands_beside_nothing() {
        assert_eq!(pair(&Model::default(), &VERSIONS[..1]), None);
        assert_eq!(pair(&Model::default(), &[]), None);
    }

    #[test]
    fn a_version_that_is_not_there_any_more_chooses_nothing() {
        let mut model = Model::default();
        update(&mut model, Event::LeftChosen(ChangeHash([9; 32])));
        assert_eq!(pair(&model, &VERSIONS), Some((2, 3)));
    }
}
