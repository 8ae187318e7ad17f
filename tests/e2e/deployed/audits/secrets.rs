//! No token, code or secret stands in the clear.

use anyhow::{Result, bail, ensure};

use crate::evidence::Evidence;

pub fn none_in_the_clear(evidence: &Evidence) -> Result<()> {
    let found = evidence.enter();
    ensure!(
        found.secrets.len() > 20,
        "only {} secrets were issued: there is nothing to judge",
        found.secrets.len()
    );
    ensure!(
        found.texts.len() > 100,
        "only {} texts were gathered: there is nothing to judge",
        found.texts.len()
    );
    for secret in &found.secrets {
        // A percent-encoded copy is a copy.
        let encoded = secret.replace('!', "%21");
        for (place, text) in &found.texts {
            if text.contains(secret.as_str()) || text.contains(&encoded) {
                let head: String = secret.chars().take(12).collect();
                bail!("a secret that begins with `{head}` stands in the clear in {place}");
            }
        }
    }
    println!(
        "searched {} texts for {} secrets",
        found.texts.len(),
        found.secrets.len()
    );
    Ok(())
}
