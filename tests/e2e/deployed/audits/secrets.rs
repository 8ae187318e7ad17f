//! No token, code or secret stands in the clear.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use url::form_urlencoded::byte_serialize;

use crate::evidence::Evidence;

/// What is looked for is found by so many of its last bytes first: many tokens begin alike.
const TAIL: usize = 8;

/// All forms of all secrets, by their last bytes.
#[derive(Default)]
struct Wanted(BTreeMap<[u8; TAIL], BTreeSet<Vec<u8>>>);

impl Wanted {
    fn add(&mut self, secret: &str) -> Result<()> {
        for form in forms(secret)? {
            let tail = *form.as_bytes().last_chunk().context("a secret that is too short")?;
            self.0.entry(tail).or_default().insert(form.into_bytes());
        }
        Ok(())
    }

    /// The beginning of the first secret that `text` holds, in any form.
    fn in_text(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        (0..bytes.len()).find_map(|at| {
            let tail: &[u8; TAIL] = bytes.get(at..)?.first_chunk()?;
            let before = bytes.get(..at + TAIL)?;
            let form = self.0.get(tail)?.iter().find(|form| before.ends_with(form))?;
            Some(String::from_utf8_lossy(form).chars().take(12).collect())
        })
    }
}

/// A copy is a copy, however it is written down.
fn forms(secret: &str) -> Result<BTreeSet<String>> {
    let quoted = serde_json::to_string(secret)?;
    let form: String = byte_serialize(secret.as_bytes()).collect();
    let json = quoted.trim_matches('"').to_owned();
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        form.replace('+', "%20"),
        lower_case_escapes(&form),
        form,
        json.replace('/', "\\/"),
        json,
    ]);
    // In the midst of an encoded text, what comes before it decides how it is written: three ways.
    for (before, from) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&vec![0; before][..], secret.as_bytes()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&padded);
            // The characters at its ends hold bits of their neighbours.
            forms.insert(encoded.get(from..padded.len() / 3 * 4).unwrap_or_default().to_owned());
        }
    }
    Ok(forms)
}

fn lower_case_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |done, part| {
        let (code, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{done}%{}{rest}", code.to_lowercase())
    })
}

/// The search itself is able to find: a secret that is planted in each form.
pub fn each_form_is_found(_: &Evidence) -> Result<()> {
    let secret = "stampNL001.ab/d!IAAAA\"fgh+jk~lm";
    let mut wanted = Wanted::default();
    wanted.add(secret)?;
    let planted = [
        secret.to_owned(),
        format!("code={}&state=x", byte_serialize(secret.as_bytes()).collect::<String>()),
        "code=stampNL001.ab%2fd%21IAAAA%22fgh%2bjk%7elm".to_owned(),
        serde_json::to_string(&[secret])?,
        STANDARD_NO_PAD.encode(secret),
        STANDARD_NO_PAD.encode(format!("Basic:{secret}, and more")),
        URL_SAFE_NO_PAD.encode(format!("client:{secret}")),
        URL_SAFE_NO_PAD.encode(format!("a:{secret}?")),
    ];
    for text in planted {
        ensure!(wanted.in_text(&text).is_some(), "it is not found in `{text}`");
    }
    ensure!(
        wanted.in_text(&secret.replace('f', "g")).is_none(),
        "what is no secret is found"
    );
    Ok(())
}

pub fn none_in_the_clear(evidence: &Evidence) -> Result<()> {
    let found = evidence.enter();
    ensure!(
        found.secrets.len() > 20,
        "only {} secrets were issued: there is nothing to judge",
        found.secrets.len()
    );
    let places: BTreeSet<_> = found.texts.iter().map(|(place, _)| place.as_str()).collect();
    for place in [
        "a function's log",
        "a call to AWS",
        "an answer to a browser",
        "the command's output",
        "the local cloud's log",
    ] {
        ensure!(places.contains(place), "nothing was gathered of {place}");
    }
    let mut wanted = Wanted::default();
    for secret in &found.secrets {
        wanted.add(secret)?;
    }
    let seen: BTreeSet<String> = found
        .texts
        .iter()
        .filter_map(|(place, text)| Some((place, wanted.in_text(text)?)))
        .map(|(place, head)| format!("one that begins with `{head}` in {place}"))
        .collect();
    ensure!(
        seen.is_empty(),
        "secrets stand in the clear:\n  {}",
        seen.into_iter().collect::<Vec<_>>().join("\n  ")
    );
    println!(
        "searched {} texts for {} secrets",
        found.texts.len(),
        found.secrets.len()
    );
    Ok(())
}
