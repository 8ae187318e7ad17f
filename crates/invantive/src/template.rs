//! Addresses with places to fill in.

use url::Url;

/// The places that a look-up's address can have.
pub(crate) const PLACES: [&str; 3] = ["{idempotency_key}", "{reference}", "{database}"];

/// Fills `template` with `values`, in the order of [`PLACES`], each URL-encoded. `None` when what comes out is no
/// address, or leads elsewhere: to another origin, or up the path.
pub(crate) fn fill(template: &str, values: [&str; 3]) -> Option<Url> {
    let filled = filled(template, values)?;
    let plain = filled_plain(template)?;
    let segments = |url: &Url| url.path_segments().map(Iterator::count);
    (filled.origin() == plain.origin() && segments(&filled) == segments(&plain)).then_some(filled)
}

/// Whether `template` can be filled at all: known places only, none of them in the scheme, host or port.
pub(crate) fn check(template: &str) -> Result<Url, &'static str> {
    let bare = PLACES
        .iter()
        .fold(template.to_owned(), |text, place| text.replace(place, ""));
    if bare.contains(['{', '}']) {
        return Err("has a place other than {idempotency_key}, {reference} and {database}");
    }
    let plain = filled_plain(template).ok_or("is not an address")?;
    let other = filled(template, ["zz"; 3]).ok_or("is not an address")?;
    if plain.origin() == other.origin() {
        Ok(plain)
    } else {
        Err("has a place in its host")
    }
}

fn filled_plain(template: &str) -> Option<Url> {
    filled(template, ["x"; 3])
}

fn filled(template: &str, values: [&str; 3]) -> Option<Url> {
    // An encoded value has no braces, so no value is taken for a place.
    let text = PLACES
        .iter()
        .zip(values)
        .fold(template.to_owned(), |text, (place, value)| {
            text.replace(place, &encoded(value))
        });
    Url::parse(&text).ok()
}

/// Everything but RFC 3986's unreserved characters, percent-encoded: fits path and query alike.
fn encoded(value: &str) -> String {
    value
        .bytes()
        .fold(String::with_capacity(value.len()), |mut text, byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_wherever_they_stand() {
        let url = fill(
            "https://i.example/{database}/x?k={idempotency_key}&r={reference}",
            ["conn_1.auth_2", "A&B c/{database}", "acme"],
        );
        assert_eq!(
            url.unwrap().as_str(),
            "https://i.example/acme/x?k=conn_1.auth_2&r=A%26B%20c%2F%7Bdatabase%7D"
        );
    }

    #[test]
    fn a_value_does_not_lead_up_the_path() {
        for reference in ["..", "."] {
            assert_eq!(
                fill("https://i.example/a/{reference}/c", ["k", reference, "d"]),
                None,
                "{reference}"
            );
        }
        assert!(fill("https://i.example/a?r={reference}", ["k", "..", "d"]).is_some());
    }

    #[test]
    fn a_template_is_an_address_with_known_places_after_its_host() {
        assert!(check("https://i.example/?k={idempotency_key}").is_ok());
        for bad in [
            "",
            "i.example",
            "https://{database}.i.example/",
            "https://i.example:{reference}/",
            "https://i.example/{key}",
            "https://i.example/}",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
