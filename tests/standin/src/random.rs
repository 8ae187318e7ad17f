//! Values that nobody has seen before, in the shape that Exact Online gives them.

use aws_lc_rs::error::Unspecified;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A generator of unique values. They are no secrets: nothing but a test believes in them.
#[derive(Clone, Debug)]
pub struct Randomness(u64);

impl Randomness {
    /// Seeded by the operating system.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn from_system() -> Result<Self, Unspecified> {
        let mut seed = [0; 8];
        aws_lc_rs::rand::fill(&mut seed)?;
        Ok(Self(u64::from_le_bytes(seed)))
    }

    /// The same values every time, for tests of the rules.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// `length` characters of the base64url alphabet.
    pub fn text(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length.saturating_add(8));
        while text.len() < length {
            for byte in self.next().to_le_bytes() {
                let letter = ALPHABET.get(usize::from(byte & 63)).copied().unwrap_or(b'A');
                text.push(char::from(letter));
            }
        }
        text.truncate(length);
        text
    }

    /// A GUID in the form of `UserID`.
    pub fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }

    /// An authorisation code: `stampNL001.abcd!IAAAA…`, as they stand in what users of client libraries post.
    pub fn code(&mut self) -> String {
        format!("stampNL001.{}!IAAAA{}", self.text(4), self.text(260))
    }

    /// A refresh token: the code's shape, over 300 characters.
    pub fn refresh_token(&mut self) -> String {
        format!("stampNL001.{}!IAAAA{}", self.text(4), self.text(290))
    }

    /// An access token: `stampNL001.gAAAA…`, over 400 characters; longer ones than 1,000 are usual.
    pub fn access_token(&mut self) -> String {
        format!("stampNL001.gAAAA{}", self.text(1_040))
    }

    /// Splitmix64: every state once before any comes again, so no value is ever given twice.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_real_shape() {
        let mut random = Randomness::seeded(1);
        let (code, refresh, access) = (random.code(), random.refresh_token(), random.access_token());
        assert!(code.starts_with("stampNL001.") && code.contains("!IAAAA"));
        assert!(refresh.contains("!IAAAA") && refresh.len() > 300 && refresh.len() < 2_048);
        assert!(access.starts_with("stampNL001.gAAAA") && access.len() > 400 && access.len() < 8_192);
        assert_eq!(random.guid().len(), 36);
    }

    #[test]
    fn no_value_comes_twice() {
        let mut random = Randomness::seeded(2);
        let all: std::collections::BTreeSet<_> = (0..1_000).map(|_| random.refresh_token()).collect();
        assert_eq!(all.len(), 1_000);
    }
}
