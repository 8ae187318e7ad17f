//! Exact Online's country sites. An app registration is known on its own country's host only.

use url::Url;

/// Country, as Invantive Cloud's form names it ("typically the ending of the domain name"), and host.
pub const COUNTRIES: [(&str, &str); 7] = [
    ("nl", "https://start.exactonline.nl"),
    ("be", "https://start.exactonline.be"),
    ("de", "https://start.exactonline.de"),
    ("fr", "https://start.exactonline.fr"),
    ("es", "https://start.exactonline.es"),
    ("co.uk", "https://start.exactonline.co.uk"),
    ("com", "https://start.exactonline.com"),
];

/// The usual host of a country; `None` for a country that Exact Online has no site of. Only a default: one client is
/// known to use another (`one.exactonline.com`), so an application's host can be set.
#[must_use]
pub fn host_of(country: &str) -> Option<Url> {
    let (_, host) = COUNTRIES.into_iter().find(|(name, _)| *name == country)?;
    Url::parse(host).ok()
}

/// The country of a host, by the ending of its name; `None` when it is none of Exact Online's.
#[must_use]
pub fn country_of(host: &Url) -> Option<&'static str> {
    let (_, ending) = host.host_str()?.split_once("exactonline.")?;
    COUNTRIES.into_iter().map(|(name, _)| name).find(|name| *name == ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_countries_belong_together() {
        for (country, _) in COUNTRIES {
            assert_eq!(country_of(&host_of(country).unwrap()), Some(country));
        }
        assert!(host_of("lu").is_none());
    }

    #[test]
    fn the_ending_tells_the_country_and_a_foreign_host_none() {
        let country = |host: &str| country_of(&Url::parse(host).unwrap());
        assert_eq!(country("https://one.exactonline.com"), Some("com"));
        assert_eq!(country("http://127.0.0.1:8080"), None);
        assert_eq!(country("https://start.exactonline.evil.example"), None);
    }
}
