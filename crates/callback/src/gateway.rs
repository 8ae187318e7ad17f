//! What API Gateway's HTTP API sends and takes, payload format 2.0.
//!
//! Read by hand, and only what is used: the conversion of `lambda_http` panics on addresses that it cannot rebuild (a
//! blank or a bracket in the query, a strange `Host`, more than 64 KB), and a customer would see a bare 5xx. Here nothing
//! that a browser can send fails to be read. The tests hold it against that crate's types, and show what its conversion
//! does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A request. No `Debug`: query and cookies are secret.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    cookies: Option<Vec<String>>,
    headers: Option<BTreeMap<String, String>>,
    request_context: RequestContext,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RequestContext {
    http: Option<Http>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Http {
    method: Option<String>,
}

impl Request {
    /// Its method.
    pub(crate) fn method(&self) -> &str {
        let http = self.request_context.http.as_ref();
        http.and_then(|http| http.method.as_deref()).unwrap_or_default()
    }

    /// Its path, in segments, without stage or host.
    pub(crate) fn segments(&self) -> Vec<&str> {
        let path = self.raw_path.as_deref().unwrap_or_default();
        path.trim_start_matches('/').split('/').collect()
    }

    /// What follows the `?`, still encoded.
    pub(crate) fn query(&self) -> &str {
        self.raw_query_string.as_deref().unwrap_or_default()
    }

    /// Name and value of each cookie. API Gateway sends an array, other gateways the header as it came; both are read.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter().flatten();
        let header = headers
            .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
            .map(|(_, value)| value);
        self.cookies
            .iter()
            .flatten()
            .chain(header)
            // Several `Cookie` headers are joined with commas, which no cookie of ours contains.
            .flat_map(|line| line.split([';', ',']))
            .filter_map(|cookie| cookie.trim().split_once('='))
    }
}

/// An answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// HTTP status.
    pub status_code: u16,
    /// Headers, lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// Each becomes a `Set-Cookie`.
    pub cookies: Vec<String>,
    /// The page.
    pub body: String,
}

/// Without the values: they hold links, codes and secrets.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes hidden)", self.status_code, self.body.len())
    }
}

/// On every answer, redirects included.
fn common_headers() -> BTreeMap<&'static str, String> {
    [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=63072000"),
        ("x-content-type-options", "nosniff"),
        ("x-robots-tag", "noindex"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

impl Answer {
    /// A page. `policy` is its `Content-Security-Policy`.
    pub(crate) fn page(status_code: u16, body: String, policy: &str) -> Self {
        let mut headers = common_headers();
        headers.insert("content-type", "text/html; charset=utf-8".to_owned());
        headers.insert("content-security-policy", policy.to_owned());
        Self {
            status_code,
            headers,
            cookies: Vec::new(),
            body,
        }
    }

    /// Elsewhere. 302 to leave this site, 303 to leave an address that has done its work.
    pub(crate) fn redirect(status_code: u16, location: String) -> Self {
        let mut headers = common_headers();
        headers.insert("location", location);
        Self {
            status_code,
            headers,
            cookies: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn with_cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    pub(crate) fn retry_after(mut self, seconds: i64) -> Self {
        self.headers.insert("retry-after", seconds.max(1).to_string());
        self
    }
}

#[cfg(test)]
mod contract;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_read_from_both_places() {
        let request: Request = serde_json::from_str(
            r#"{"cookies": ["a=1", "b=2"], "headers": {"Cookie": "c=3; d=4=4,e=5", "accept": "x"}}"#,
        )
        .unwrap();
        let cookies: Vec<_> = request.cookies().collect();
        assert_eq!(cookies, [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4=4"), ("e", "5")]);
    }

    #[test]
    fn what_is_missing_or_null_is_empty() {
        for event in [
            "{}",
            r#"{"cookies": null, "headers": null, "rawPath": null, "requestContext": {"http": null}}"#,
        ] {
            let request: Request = serde_json::from_str(event).unwrap();
            assert_eq!((request.method(), request.query()), ("", ""));
            assert_eq!(request.segments(), [""]);
            assert_eq!(request.cookies().count(), 0);
        }
    }
}
