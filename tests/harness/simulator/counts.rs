//! How often what happened.

/// What happened, for the line that is printed.
#[derive(Debug, Default, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    pub edits: u64,
    pub syncs: u64,
    pub lost: u64,
    pub kills: u64,
    pub restores: u64,
    pub forks: u64,
    pub wipes: u64,
    pub backups: u64,
    pub reassigns: u64,
    /// Disks that were full for a while (phones', the hub's), what they refused, sealed copies that were brought all the same.
    pub full: u64,
    pub hub_full: u64,
    pub refused: u64,
    pub brought_sealed: u64,
    /// Consents withdrawn and given again, records that hospitals disclosed meanwhile.
    pub withdrawals: u64,
    pub grants: u64,
    pub disclosed: u64,
    /// Withdrawals that a hub kept over a restore although nobody entered them again.
    pub kept: u64,
    pub compacted: u64,
    /// Words of a phone that is gone and a hub that was put back: they come back by colleagues' phones, or not at all.
    pub relayed: u64,
    /// Unlocks that read on without any line, by what came while the phone was locked.
    pub pages: u64,
    pub tokens: u64,
    pub excused: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.edits += other.edits;
        self.syncs += other.syncs;
        self.lost += other.lost;
        self.kills += other.kills;
        self.restores += other.restores;
        self.forks += other.forks;
        self.wipes += other.wipes;
        self.backups += other.backups;
        self.reassigns += other.reassigns;
        self.full += other.full;
        self.hub_full += other.hub_full;
        self.refused += other.refused;
        self.brought_sealed += other.brought_sealed;
        self.withdrawals += other.withdrawals;
        self.grants += other.grants;
        self.disclosed += other.disclosed;
        self.kept += other.kept;
        self.compacted += other.compacted;
        self.relayed += other.relayed;
        self.pages += other.pages;
        self.tokens += other.tokens;
        self.excused += other.excused;
    }
}
