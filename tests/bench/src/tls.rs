//! A certificate authority for one run, and the roots that a function is given.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

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
    /// Makes an authority and a certificate; the roots go into `folder`.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn make(folder: &Path) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate for self-signed that bears its issuer's name, and that is the default of both.
        authority
            .distinguished_name
            .push(DnType::CommonName, "Handover's benchmark");
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority = authority.self_signed(&authority_key)?;
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(vec!["127.0.0.1".into(), "localhost".into()])?;
        server.distinguished_name.push(DnType::CommonName, "upstream");
        let server = server.signed_by(&key, &authority, &authority_key)?;
        let chain = vec![CertificateDer::from(server.der().to_vec())];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (roots, own_root) = (folder.join("roots.pem"), folder.join("own-root.pem"));
        let system = SYSTEM_ROOTS.iter().find_map(|path| fs::read_to_string(path).ok());
        fs::write(&own_root, authority.pem()).context("cannot write the root")?;
        fs::write(&roots, system.unwrap_or_default() + "\n" + &authority.pem()).context("cannot write the roots")?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            roots,
            own_root,
        })
    }
}
