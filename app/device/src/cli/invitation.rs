//! `tsutsuji-device enrol`: the invitation as its URI, or in a picture of its QR code.

use super::{CliError, photo};
use crate::qr;
use clap::Args;
use protocol::EnrolUri;
use std::path::PathBuf;

#[derive(Args)]
pub struct EnrolArguments {
    /// The invitation, as the station's manager gave it
    #[arg(required_unless_present = "picture")]
    uri: Option<String>,
    /// A picture (JPEG, PNG, WebP) that shows the invitation's QR code, instead of the URI
    #[arg(long, value_name = "FILE", conflicts_with = "uri")]
    picture: Option<PathBuf>,
    /// Take the least PIN cost that is allowed, instead of the half second that this device can afford (scripts)
    #[arg(long)]
    pub least_pin_cost: bool,
}

impl EnrolArguments {
    pub async fn invitation(&self) -> Result<EnrolUri, CliError> {
        match (&self.uri, &self.picture) {
            (Some(uri), _) => Ok(uri.parse::<EnrolUri>()?),
            (None, Some(file)) => Ok(qr::read_invitation(photo::read(file)?).await?),
            (None, None) => Err(CliError::Missing("the invitation's URI, or --picture FILE with its QR code")),
        }
    }
}
