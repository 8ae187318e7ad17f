//! What is read and written here, held against the library that knows AWS's shapes.

use lambda_http::{
    Body, RequestExt,
    aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    http::{HeaderMap, HeaderValue, Method, header::COOKIE},
};
use proptest::prelude::*;

use super::*;

/// A request as the library writes it.
fn sent(method: &str, path: &str, query: &str, cookies: Option<&[String]>) -> String {
    let mut request = ApiGatewayV2httpRequest::default();
    request.raw_path = Some(path.to_owned());
    request.raw_query_string = Some(query.to_owned());
    request.cookies = cookies.map(<[String]>::to_vec);
    request
        .headers
        .insert("host", HeaderValue::from_static("connect.acme.example"));
    request.request_context.stage = Some("$default".to_owned());
    request.request_context.http.method = method.parse::<Method>().unwrap();
    request.request_context.http.path = Some(path.to_owned());
    serde_json::to_string(&request).unwrap()
}

fn read(event: &str) -> Request {
    serde_json::from_str(event).unwrap()
}

/// The library's own reading says the same: of the event, and of the request that it builds from it.
fn reads_the_same(event: &str) {
    let ours = read(event);
    let theirs: ApiGatewayV2httpRequest = serde_json::from_str(event).unwrap();
    assert_eq!(ours.method(), theirs.request_context.http.method.as_str());
    assert_eq!(format!("/{}", ours.segments().join("/")), theirs.raw_path.unwrap());
    assert_eq!(ours.query(), theirs.raw_query_string.unwrap());

    let built = lambda_http::request::from_str(event).unwrap();
    assert_eq!(ours.method(), built.method().as_str());
    assert_eq!(format!("/{}", ours.segments().join("/")), built.raw_http_path());
    assert_eq!(ours.query(), built.uri().query().unwrap_or_default());
    let header = built.headers().get(COOKIE).map_or("", |value| value.to_str().unwrap());
    let theirs: Vec<_> = header.split("; ").filter_map(|cookie| cookie.split_once('=')).collect();
    assert_eq!(ours.cookies().collect::<Vec<_>>(), theirs);
}

/// Captured and documented ones.
#[test]
fn events_are_read_as_the_library_reads_them() {
    for event in [
        include_str!("../../tests/it/events/api_gateway.json"),
        include_str!("../../tests/it/events/local_cloud.json"),
        include_str!("../../tests/it/events/documented.json"),
    ] {
        reads_the_same(event);
    }
}

#[test]
fn the_documented_event_is_read() {
    let request = read(include_str!("../../tests/it/events/documented.json"));
    assert_eq!(request.method(), "GET");
    assert_eq!(request.segments(), ["callback", "exact-nl"]);
    assert_eq!(request.query(), "code=stampNL001.a%21b&state=one&state=two");
    let cookies: Vec<_> = request.cookies().collect();
    assert_eq!(cookies, [("__Host-handover-1", "first"), ("theme", "dark")]);
}

/// What RFC 3986 lets a path segment be made of.
const SEGMENT: &str = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2}){1,12}";
/// … and a query.
const QUERY: &str = "([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-F]{2}){0,60}";
/// What RFC 6265 lets a cookie be made of.
const COOKIES: &str = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}=[!#-+./0-:<-\\[\\]-~-]{0,40}";

proptest! {
    #[test]
    fn what_the_library_writes_is_read(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
        segments in prop::collection::vec(SEGMENT, 1..5),
        query in QUERY,
        cookies in prop::option::of(prop::collection::vec(COOKIES, 0..6)),
    ) {
        let path = format!("/{}", segments.join("/"));
        let event = sent(method, &path, &query, cookies.as_deref());
        let request = read(&event);
        prop_assert_eq!(request.method(), method);
        prop_assert_eq!(request.segments(), segments);
        prop_assert_eq!(request.query(), query);
        let expected: Vec<_> = cookies.iter().flatten().filter_map(|cookie| cookie.split_once('=')).collect();
        prop_assert_eq!(request.cookies().collect::<Vec<_>>(), expected);
        reads_the_same(&event);
    }

    /// Also what no browser should send.
    #[test]
    fn whatever_a_path_or_a_query_holds_is_read(path in "/[^/].{0,80}", query in ".{0,80}") {
        let event = sent("GET", &path, &query, None);
        let request = read(&event);
        prop_assert_eq!(format!("/{}", request.segments().join("/")), path);
        prop_assert_eq!(request.query(), query);
    }

    #[test]
    fn what_is_answered_is_what_the_library_reads(
        status in prop::sample::select(vec![200_u16, 302, 303, 404, 409, 429, 503]),
        body in "(?s).{0,200}",
        location in "https://[a-z.]{1,20}/[!-~]{0,60}",
        cookies in prop::collection::vec(COOKIES, 0..3),
        seconds in 0_i64..100_000,
    ) {
        let page = Answer::page(status, body, "default-src 'none'").retry_after(seconds);
        let page = cookies.iter().cloned().fold(page, Answer::with_cookie);
        let elsewhere = cookies.iter().cloned().fold(Answer::redirect(status, location), Answer::with_cookie);
        for answer in [page, elsewhere] {
            let theirs: ApiGatewayV2httpResponse = serde_json::from_str(&serde_json::to_string(&answer).unwrap()).unwrap();
            prop_assert_eq!(theirs.status_code, i64::from(answer.status_code));
            let headers: HeaderMap = answer
                .headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            prop_assert_eq!(theirs.headers, headers);
            prop_assert!(theirs.multi_value_headers.is_empty());
            prop_assert_eq!(theirs.cookies, answer.cookies);
            prop_assert!(!theirs.is_base64_encoded);
            let body = match theirs.body {
                Some(Body::Text(body)) => body,
                Some(Body::Empty) | None => String::new(),
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert_eq!(body, answer.body);
        }
    }
}
