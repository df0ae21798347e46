//! A device's line to the hub. The phone's own (`device::http`) sorts a busy hub with its failures; this one also tells
//! when the hub wants the device back.

use crate::Done;
use protocol::codec::{self, BODY_LIMIT, CONTENT_TYPE};
use protocol::{Refusal, RefusalCode, SyncResponse};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use vault::Identity;

/// As long as a phone waits.
const CONNECT: Duration = Duration::from_secs(8);
const SILENCE: Duration = Duration::from_secs(30);
/// Of a busy hub that names no time.
const USUAL_WAIT: Duration = Duration::from_secs(5);

/// TLS with the device's certificate, the hub's CA the only root.
pub fn tls_of(identity: &Identity) -> Done<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(identity.ca.clone()))?;
    let chain = vec![CertificateDer::from(identity.certificate.clone())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.tls_key.clone()));
    Ok(ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?)
}

/// What came back.
pub enum Heard {
    Answer(Box<SyncResponse>),
    /// 503, and when to come again.
    Busy(Duration),
    Refused(RefusalCode),
}

/// One connection. An error of it is a line that broke.
pub struct Line {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    port: u16,
}

impl Line {
    /// Connected; hands are shaken with the first question.
    pub fn open(tls: &Arc<ClientConfig>, port: u16) -> Done<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let socket = TcpStream::connect_timeout(&address, CONNECT)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(SILENCE))?;
        let tls = ClientConnection::new(tls.clone(), ServerName::try_from("127.0.0.1")?)?;
        Ok(Self { stream: BufReader::new(StreamOwned::new(tls, socket)), port })
    }

    /// Asks for one exchange and reads the whole answer.
    pub fn ask(&mut self, body: &[u8]) -> Done<Heard> {
        let (port, length) = (self.port, body.len());
        let head = format!(
            "POST /v1/sync HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: tsutsuji-bench\r\naccept: */*\r\n\
             content-type: {CONTENT_TYPE}\r\ncontent-length: {length}\r\n\r\n"
        );
        let line = self.stream.get_mut();
        line.write_all(&[head.as_bytes(), body].concat())?;
        line.flush()?;
        let head = self.head()?;
        let mut answer = vec![0; head.length];
        self.stream.read_exact(&mut answer)?;
        Ok(match head.status {
            200 => Heard::Answer(Box::new(codec::decode(&answer)?)),
            503 => Heard::Busy(head.retry_after.unwrap_or(USUAL_WAIT)),
            _ => Heard::Refused(codec::decode::<Refusal>(&answer)?.code),
        })
    }

    fn head(&mut self) -> Done<Head> {
        let status = self.head_line()?.split_whitespace().nth(1).ok_or("an answer without a status")?.parse::<u16>()?;
        let mut head = Head { status, length: 0, retry_after: None };
        loop {
            let line = self.head_line()?;
            if line.is_empty() {
                return if head.length > BODY_LIMIT { Err("an answer that is too large".into()) } else { Ok(head) };
            }
            let (name, value) = line.split_once(':').ok_or("a header without a name")?;
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.trim().parse()?,
                "retry-after" => head.retry_after = Some(Duration::from_secs(value.trim().parse()?)),
                _ => {}
            }
        }
    }

    fn head_line(&mut self) -> Done<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err("the hub hung up".into());
        }
        Ok(line.trim_end().to_string())
    }
}

struct Head {
    status: u16,
    length: usize,
    retry_after: Option<Duration>,
}
