//! An HTTP answer as an input: the status, lines of headers, an empty line, and the body as it is.
//!
//! ```text
//! 200 cut
//! content-type: application/json
//!
//! {"access_token":
//! ```
//!
//! After `cut` the connection ends before the body does.

/// Longer ones are read in part only, which the client's own tests look at.
const LONGEST: usize = 60_000;
/// What says how long the body is, or makes the connection something else: the server's business.
const FRAMING: [&str; 6] = [
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "trailer",
    "te",
];

pub(crate) struct Answer<'a> {
    pub status: u16,
    pub cut: bool,
    headers: Vec<(&'a str, &'a str)>,
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// `None` when it is no answer that HTTP can carry.
    pub fn read(input: &'a [u8]) -> Option<Self> {
        let end = input.windows(2).position(|window| window == b"\n\n")?;
        let (head, body) = (input.get(..end)?, input.get(end + 2..)?);
        let mut lines = std::str::from_utf8(head).ok()?.split('\n');
        let first = lines.next()?;
        let (status, cut) = first
            .strip_suffix(" cut")
            .map_or((first, false), |status| (status, true));
        let headers = lines.map(header).collect::<Option<_>>()?;
        let answer = Self {
            status: status.parse().ok().filter(|_| status.len() == 3)?,
            cut,
            headers,
            body,
        };
        answer.can_be_sent().then_some(answer)
    }

    fn can_be_sent(&self) -> bool {
        let bodiless = matches!(self.status, 204 | 304);
        (200..600).contains(&self.status)
            && self.body.len() <= LONGEST
            && self.headers.len() <= 20
            && !(bodiless && (self.cut || !self.body.is_empty()))
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value)
    }

    /// A success with an access token, by the first of it: whatever was presented was taken.
    pub fn says_yes(&self) -> bool {
        let beginning = self.body.get(..1_000).unwrap_or(self.body);
        let token = b"\"access_token\"";
        self.is_success() && beginning.windows(token.len()).any(|window| window == token)
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        if !matches!(self.status, 204 | 304) {
            let length = self.body.len() + usize::from(self.cut);
            bytes.push_str(&format!("content-length: {length}\r\n"));
        }
        bytes.push_str("\r\n");
        [bytes.as_bytes(), self.body].concat()
    }
}

fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(": ")?;
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let visible = value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    (named && visible && !FRAMING.contains(&name)).then_some((name, value))
}
