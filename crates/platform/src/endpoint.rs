//! Addresses under a platform's host.

use url::Url;

/// The address of `path` under `host`. A path that the host itself has is kept: a stand-in may live under one.
pub(crate) fn under(host: &Url, path: &[&str]) -> Url {
    let mut address = host.clone();
    address.set_query(None);
    address.set_fragment(None);
    if let Ok(mut segments) = address.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    address
}

/// The host, for people.
pub(crate) fn name(host: &Url) -> &str {
    host.host_str().unwrap_or("the platform")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_under_the_host() {
        for (host, expected) in [
            (
                "https://start.exactonline.nl",
                "https://start.exactonline.nl/api/oauth2/token",
            ),
            (
                "https://start.exactonline.nl/",
                "https://start.exactonline.nl/api/oauth2/token",
            ),
            (
                "http://127.0.0.1:8080/exact/",
                "http://127.0.0.1:8080/exact/api/oauth2/token",
            ),
            (
                "http://127.0.0.1:8080/exact?a=b#c",
                "http://127.0.0.1:8080/exact/api/oauth2/token",
            ),
        ] {
            let host = Url::parse(host).unwrap();
            assert_eq!(under(&host, &["api", "oauth2", "token"]).as_str(), expected);
        }
    }
}
