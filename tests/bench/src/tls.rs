//! The upstreams' TLS, and the roots that a function is given.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::certificate::Certificate;

/// Where systems keep their roots. A function reads them all at its start, and that takes its time: they go before ours.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
];

/// What is needed to be trusted.
#[derive(Clone)]
pub struct Trust {
    /// Speaks TLS as the server at 127.0.0.1.
    pub acceptor: TlsAcceptor,
    /// The system's roots and the run's own, as `SSL_CERT_FILE` wants them.
    pub roots: PathBuf,
    /// The run's own root alone.
    pub own_root: PathBuf,
}

impl Trust {
    /// Makes a certificate; the roots go into `folder`.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn make(folder: &Path) -> Result<Self> {
        let certificate = Certificate::make()?;
        let chain = vec![CertificateDer::from(certificate.der.clone())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.key.clone()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (roots, own_root) = (folder.join("roots.pem"), folder.join("own-root.pem"));
        let system = SYSTEM_ROOTS.iter().find_map(|path| fs::read_to_string(path).ok());
        fs::write(&own_root, certificate.pem()).context("cannot write the root")?;
        fs::write(&roots, system.unwrap_or_default() + "\n" + &certificate.pem()).context("cannot write the roots")?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            roots,
            own_root,
        })
    }
}
