//! The clipboard, by way of the terminal: OSC 52, which reaches the person's own machine through ssh as well.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// What makes the terminal put `text` on the clipboard, if it allows that.
pub(super) fn copy(text: &str) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(text));
    Zeroizing::new(format!("\u{1b}]52;c;{}\u{7}", encoded.as_str()))
}

/// What makes the terminal forget it.
pub(super) const FORGET: &str = "\u{1b}]52;c;\u{7}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_text_goes_to_the_clipboard() {
        assert_eq!(
            copy("stampNL001.abc!IAAA").as_str(),
            "\u{1b}]52;c;c3RhbXBOTDAwMS5hYmMhSUFBQQ==\u{7}"
        );
    }
}
