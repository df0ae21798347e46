//! `tsutsuji-hub order …`: doctors' orders (訪問看護指示書).

use super::audited;
use crate::cli::{Data, Output};
use crate::error::HubError;
use crate::keys::random;
use clap::{Subcommand, ValueEnum};
use jiff::civil::Date;
use record::order::{SpecialExemption, VitalAlert};
use record::{DocumentId, FacilityId, NursingOrder, PatientId};

#[derive(Subcommand)]
pub enum OrderCommand {
    /// Record a doctor's order; at most 6 months, a special one 14 days, one for a drip 7 days
    #[command(after_help = "Examples:
  tsutsuji-hub order add --data hub --patient p-000001 --facility tsubaki --station st-1 --from 2026-11-01 --until 2027-04-30
  … --psychiatric                                           精神科訪問看護指示書
  … --until 2026-11-07 --drip                               在宅患者訪問点滴注射指示書
  … --until 2026-11-14 --special --exempt ulcer             a second special order in the month
  … --alert spo2_percent=88..93 --alert temperature_c=..38.5 --spo2-target-88-92")]
    Add {
        #[command(flatten)]
        data: Data,
        #[arg(long)]
        patient: PatientId,
        /// The ordering facility
        #[arg(long)]
        facility: FacilityId,
        #[arg(long)]
        station: FacilityId,
        #[arg(long)]
        from: Date,
        #[arg(long)]
        until: Date,
        /// 特別訪問看護指示書: once a month, a second time with --exempt
        #[arg(long)]
        special: bool,
        /// 精神科訪問看護指示書
        #[arg(long)]
        psychiatric: bool,
        /// 在宅患者訪問点滴注射指示書
        #[arg(long, conflicts_with_all = ["special", "psychiatric"])]
        drip: bool,
        /// Why a second special order in one month is allowed
        #[arg(long, requires = "special")]
        exempt: Option<ExemptWord>,
        /// Report a measured value at or below LOW, at or above HIGH; a side left empty keeps the adult default
        #[arg(long = "alert", value_name = "FIELD=LOW..HIGH")]
        alerts: Vec<VitalAlert>,
        /// The SpO₂ target is 88–92 % (COPD)
        #[arg(long = "spo2-target-88-92")]
        spo2_target_88_92: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ExemptWord {
    /// 気管カニューレ
    Cannula,
    /// 真皮を越える褥瘡
    Ulcer,
}

pub fn order(command: OrderCommand, out: &Output) -> Result<(), HubError> {
    let OrderCommand::Add {
        data,
        patient,
        facility,
        station,
        from,
        until,
        special,
        psychiatric,
        drip,
        exempt,
        alerts,
        spo2_target_88_92,
    } = command;
    let exemption = exempt.map(|word| match word {
        ExemptWord::Cannula => SpecialExemption::Cannula,
        ExemptWord::Ulcer => SpecialExemption::UlcerBeyondDermis,
    });
    let order = NursingOrder {
        id: DocumentId::from_random(*random()?),
        patient,
        facility,
        station,
        from,
        until,
        special,
        psychiatric,
        drip,
        alerts,
        spo2_target_88_92,
        issued_on: None,
    };
    let warning = audited(&data, "order_add", Some(&order.patient), &order.id.to_string(), |tx| {
        let warning = tx.check_special_order(&order, exemption)?;
        tx.add_order(&order)?;
        Ok(warning)
    })?;
    if let Some(warning) = warning {
        eprintln!("the order was added, but {warning}");
    }
    out.say(&order, |o| format!("order: {}", o.id))
}
