//! The plain pages of both servers.

/// `text` with what HTML gives a meaning taken away.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// A page of `brand` titled `title`; `content` is HTML.
pub fn page(brand: &str, title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} - {brand}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>{brand}</header>\n<main>\n<h1>{title}</h1>\n{content}\n</main>\n</body>\n</html>\n",
        brand = escape(brand),
        title = escape(title),
    )
}

const STYLE: &str = "body{margin:0;font:16px/1.5 system-ui,sans-serif;background:#f3f4f6;color:#1f2430}\
header{background:#1f2430;color:#fff;padding:.8rem 1.5rem;font-weight:600}\
main{max-width:34rem;margin:2.5rem auto;background:#fff;padding:1.5rem 2rem 2rem;border-radius:6px;\
box-shadow:0 1px 4px rgba(0,0,0,.15)}h1{font-size:1.3rem;margin-top:0}\
label{display:block;margin:.9rem 0 .2rem;font-weight:600}fieldset{border:0;padding:0;margin:.9rem 0}\
fieldset label{font-weight:400;margin:.2rem 0}legend{font-weight:600;padding:0}\
input:not([type=radio]),select,textarea{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;\
border:1px solid #b6bac4;border-radius:4px}\
button{margin:1.3rem .6rem 0 0;padding:.55rem 1.3rem;font:inherit;border:1px solid #1b57c4;border-radius:4px;\
background:#1b57c4;color:#fff;cursor:pointer}button.second{background:#fff;color:#1b57c4}\
.error{background:#fde8e8;color:#8a1414;padding:.6rem .8rem;border-radius:4px}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }
}
