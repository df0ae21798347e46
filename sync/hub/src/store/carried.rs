//! After a restore: phones and people whom the backup has forgotten, and whom a database knows that stood here before. What was
//! revoked, wiped or used up there is so here; nothing that is closed here is opened by it.

use super::Tx;
use super::devices::{COLUMNS, DeviceRow, read_device};
use super::former::Former;
use crate::error::HubError;
use record::{DeviceId, Facility, Staff};

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Enrolled after the backup: they stay so.
    pub enrolled: Vec<DeviceId>,
    /// Revoked or wiped after the backup: they stay so.
    pub revoked: Vec<DeviceId>,
    /// The database that stood here last was asked for all of it.
    pub is_compared: bool,
}

/// Rows of one database, as they stand there.
struct Known {
    facilities: Vec<Facility>,
    staff: Vec<Staff>,
    /// With the hash of the certificate that each was enrolled with.
    devices: Vec<(DeviceRow, Vec<u8>)>,
    /// Hash, device, hash of its key, end.
    certificates: Vec<(Vec<u8>, Vec<u8>, Option<Vec<u8>>, i64)>,
    /// Tag, for whom, until when, when it was used.
    invitations: Vec<(Vec<u8>, String, i64, Option<i64>)>,
}

impl Tx<'_> {
    /// From the newest of them to the oldest.
    pub(super) fn carry_phones(&self, formers: &[Former]) -> Result<Carried, HubError> {
        let mut carried = Carried::default();
        for former in formers {
            let Some(known) = former.read(self.keys, |was| was.known()) else { continue };
            self.take_known(&known, &mut carried)?;
            carried.is_compared |= former.is_last;
        }
        Ok(carried)
    }

    fn known(&self) -> Result<Known, HubError> {
        let mut devices = self.sql.prepare(&format!("SELECT {COLUMNS}, certificate FROM device ORDER BY id"))?;
        let devices = devices.query_map([], |r| Ok((read_device(r)?, r.get(8)?)))?.collect::<Result<_, _>>()?;
        let mut certificates = self.sql.prepare("SELECT hash, device, key, until FROM certificate")?;
        let certificates = certificates
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
            .collect::<Result<_, _>>()?;
        let mut invitations = self.sql.prepare("SELECT tag, staff, expires_at, used_at FROM invite")?;
        let invitations = invitations
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?
            .collect::<Result<_, _>>()?;
        Ok(Known { facilities: self.facilities()?, staff: self.staff()?, devices, certificates, invitations })
    }

    fn take_known(&self, known: &Known, carried: &mut Carried) -> Result<(), HubError> {
        for facility in &known.facilities {
            if self.facility(&facility.id)?.is_none() {
                self.add_facility(facility)?;
            }
        }
        for staff in &known.staff {
            if self.staff_member(&staff.id)?.is_none() {
                self.add_staff(staff)?;
            }
        }
        for (device, certificate) in &known.devices {
            self.take_device(device, certificate, carried)?;
        }
        for (hash, device, key, until) in &known.certificates {
            self.sql.execute(
                "INSERT INTO certificate (hash, device, key, until)
                     SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM device WHERE id = ?2)
                 ON CONFLICT (hash) DO UPDATE SET key = coalesce(certificate.key, excluded.key)",
                (hash, device, key, until),
            )?;
        }
        for (tag, staff, expires_at, used_at) in &known.invitations {
            self.sql.execute(
                "INSERT INTO invite (tag, staff, expires_at, used_at)
                     SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM staff WHERE id = ?2)
                 ON CONFLICT (tag) DO UPDATE SET used_at = coalesce(invite.used_at, excluded.used_at)",
                (tag, staff, expires_at, used_at),
            )?;
        }
        Ok(())
    }

    fn take_device(&self, was: &DeviceRow, certificate: &[u8], carried: &mut Carried) -> Result<(), HubError> {
        let Some(is) = self.device(was.device)? else { return self.put_forgotten(was, certificate, carried) };
        let (revoked_at, wiped_at) = (earlier(is.revoked_at, was.revoked_at), earlier(is.wiped_at, was.wiped_at));
        if (revoked_at, wiped_at) == (is.revoked_at, is.wiped_at) {
            return Ok(());
        }
        self.sql.execute(
            "UPDATE device SET revoked_at = ?2, wiped_at = ?3 WHERE id = ?1",
            (was.device.0, revoked_at, wiped_at),
        )?;
        if !carried.revoked.contains(&was.device) {
            carried.revoked.push(was.device);
        }
        self.tell_device_key(&DeviceRow { revoked_at, wiped_at, ..is })
    }

    /// A phone that the backup does not know.
    fn put_forgotten(&self, was: &DeviceRow, certificate: &[u8], carried: &mut Carried) -> Result<(), HubError> {
        if self.staff_member(&was.staff)?.is_none() || self.facility(&was.station)?.is_none() {
            return Ok(());
        }
        let put = self.sql.execute(
            "INSERT INTO device (id, staff, station, certificate, signing_key, enrolled_at, revoked_at, seen_at, wiped_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
            (
                was.device.0,
                was.staff.as_str(),
                was.station.as_str(),
                certificate,
                &was.signing_key,
                was.enrolled_at,
                was.revoked_at,
                was.seen_at,
                was.wiped_at,
            ),
        )?;
        if put == 0 {
            return Ok(());
        }
        let list = if was.revoked_at.is_some() { &mut carried.revoked } else { &mut carried.enrolled };
        list.push(was.device);
        self.tell_device_key(was)
    }
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    [one, other].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Presented, Store};
    use protocol::{DeviceKey, Kind, RefusalCode};
    use record::facility::{FacilityKind, StaffRole};
    use record::{ContentHash, FacilityId, StaffId, canonical};
    use std::path::PathBuf;

    type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

    struct Desk {
        folder: tempfile::TempDir,
        store: Store,
    }

    fn desk() -> Outcome<Desk> {
        let folder = tempfile::tempdir()?;
        let store = Store::init(&folder.path().join("hub"), "くるめ")?;
        let desk = Desk { folder, store };
        desk.station("st-1")?;
        desk.nurse("nurse-a", "st-1")?;
        Ok(desk)
    }

    impl Desk {
        fn data(&self) -> PathBuf {
            self.folder.path().join("hub")
        }

        fn station(&self, id: &str) -> Outcome {
            let id: FacilityId = id.parse()?;
            let station = Facility { id, kind: FacilityKind::Station, name: "架空".into(), disclosing: false };
            Ok(self.store.write(|tx| tx.add_facility(&station))?)
        }

        fn nurse(&self, id: &str, station: &str) -> Outcome {
            let (id, facility) = (id.parse()?, station.parse()?);
            let staff = Staff { id, facility, name: "架空".into(), role: StaffRole::Nurse };
            Ok(self.store.write(|tx| tx.add_staff(&staff))?)
        }

        fn invite(&self, staff: &str) -> Outcome<String> {
            let staff: StaffId = staff.parse()?;
            Ok(self.store.write(|tx| Ok(tx.invite(&staff)?.code))?)
        }

        fn enrol(&self, n: u8, staff: &str) -> Outcome<String> {
            let code = self.invite(staff)?;
            let staff: StaffId = staff.parse()?;
            self.store.write(|tx| {
                let staff = tx.known_staff(&staff)?;
                tx.enrol(&code, &staff, DeviceId([n; 8]), (certificate(n), i64::MAX), &[n; 32])
            })?;
            Ok(code)
        }

        fn back_up(&self, name: &str) -> Outcome<PathBuf> {
            Ok(self.store.backup(&self.folder.path().join(name))?.file)
        }

        fn put_back(self, file: &std::path::Path) -> Outcome<(Self, crate::store::Restored)> {
            let data = self.data();
            drop(self.store);
            let restored = Store::restore(&data, file)?;
            Ok((Desk { folder: self.folder, store: Store::open(&data)? }, restored))
        }

        /// When a phone was revoked, and wiped.
        fn closed(&self, n: u8) -> Outcome<(Option<i64>, Option<i64>)> {
            let row = self.store.read(|tx| tx.device(DeviceId([n; 8])))?.ok_or("no device")?;
            Ok((row.revoked_at, row.wiped_at))
        }
    }

    fn certificate(n: u8) -> Presented {
        Presented { hash: ContentHash([n; 32]), key: Some(ContentHash([n | 0x80; 32])) }
    }

    #[test]
    fn a_phone_that_was_revoked_or_wiped_after_the_backup_stays_so_and_no_invitation_counts_twice() -> Outcome {
        let desk = desk()?;
        desk.enrol(1, "nurse-a")?;
        desk.enrol(2, "nurse-a")?;
        desk.enrol(3, "nurse-a")?;
        let code = desk.invite("nurse-a")?;
        let (file, nurse): (PathBuf, StaffId) = (desk.back_up("before.db")?, "nurse-a".parse()?);
        desk.store.write(|tx| {
            tx.revoke(DeviceId([1; 8]))?;
            tx.order_wipe(DeviceId([2; 8]))?;
            let staff = tx.known_staff(&nurse)?;
            tx.enrol(&code, &staff, DeviceId([4; 8]), (certificate(4), i64::MAX), &[4; 32])
        })?;
        let (revoked, wiped) = (desk.closed(1)?, desk.closed(2)?);
        let (desk, restored) = desk.put_back(&file)?;
        assert_eq!(restored.devices_revoked, [DeviceId([1; 8]), DeviceId([2; 8])]);
        assert_eq!((desk.closed(1)?, desk.closed(2)?, desk.closed(3)?), (revoked, wiped, (None, None)));
        assert!(restored.devices_compared && wiped.1.is_some());
        let again = desk.store.read(|tx| tx.invited(&code))?;
        assert_eq!(again.err(), Some(RefusalCode::CodeUsed));
        // The stations hear of it as of any revocation.
        let station: FacilityId = "st-1".parse()?;
        let rows = desk.store.read(|tx| tx.feed_after(&station, 0, 100))?;
        let keys = rows.iter().filter(|row| row.kind == Kind::DeviceKey).filter_map(|row| row.body.as_ref());
        let keys = keys.map(|body| canonical::from_bytes::<DeviceKey>(body)).collect::<Result<Vec<_>, _>>()?;
        let last = keys.iter().rfind(|key| key.device == DeviceId([1; 8])).ok_or("not told")?;
        assert_eq!(last.until, revoked.0);
        // What the backup itself knows is never opened.
        let closed = desk.back_up("closed.db")?;
        desk.store.write(|tx| Ok(tx.sql.execute("UPDATE device SET revoked_at = NULL, wiped_at = NULL", [])?))?;
        let (desk, restored) = desk.put_back(&closed)?;
        assert_eq!((desk.closed(1)?, desk.closed(2)?), (revoked, wiped));
        assert!(restored.devices_revoked.is_empty());
        Ok(())
    }

    #[test]
    fn a_phone_enrolled_after_the_backup_is_known_with_its_owner_and_its_certificate() -> Outcome {
        let desk = desk()?;
        let file = desk.back_up("before.db")?;
        desk.station("st-2")?;
        desk.nurse("nurse-x", "st-2")?;
        desk.enrol(5, "nurse-x")?;
        let open = desk.invite("nurse-x")?;
        let (desk, restored) = desk.put_back(&file)?;
        assert_eq!(restored.devices_enrolled, [DeviceId([5; 8])]);
        let known = desk.store.read(|tx| tx.device_of_certificate(certificate(5)))?.ok_or("unknown")?;
        assert_eq!((known.device, known.staff.as_str(), known.station.as_str()), (DeviceId([5; 8]), "nurse-x", "st-2"));
        assert_eq!(known.signing_key, [5; 32]);
        assert!(!desk.store.read(|tx| tx.is_over(certificate(5)))?);
        assert!(desk.store.read(|tx| tx.invited(&open))?.is_ok(), "an invitation that nobody used still holds");
        // Lost, and then the wrong backup is put in place and a better one after it.
        let with = desk.back_up("with.db")?;
        desk.store.write(|tx| tx.order_wipe(DeviceId([5; 8])))?;
        let wiped = desk.closed(5)?;
        let (desk, _) = desk.put_back(&file)?;
        assert_eq!(desk.closed(5)?, wiped);
        let (desk, _) = desk.put_back(&with)?;
        assert_eq!(desk.closed(5)?, wiped);
        Ok(())
    }

    #[test]
    fn without_the_older_database_the_restore_says_that_nobody_was_asked() -> Outcome {
        let desk = desk()?;
        desk.enrol(1, "nurse-a")?;
        let file = desk.back_up("before.db")?;
        desk.store.write(|tx| tx.revoke(DeviceId([1; 8])))?;
        let data = desk.data();
        drop(desk.store);
        for name in ["hub.db", "hub.db-wal", "hub.db-shm"] {
            let _ = std::fs::remove_file(data.join(name));
        }
        let restored = Store::restore(&data, &file)?;
        assert!(!restored.devices_compared && restored.devices_revoked.is_empty());
        // A file that is no database is no reason to fail.
        std::fs::write(data.join("hub.db"), b"broken")?;
        assert!(!Store::restore(&data, &file)?.devices_compared);
        Ok(())
    }
}
