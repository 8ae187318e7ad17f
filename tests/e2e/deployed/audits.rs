//! What has to be true of everything that the scenarios left behind.

mod permissions;
mod secrets;

use anyhow::Result;

use crate::evidence::Evidence;

/// An audit.
pub type Audit = fn(&Evidence) -> Result<()>;

/// All of them, by name.
pub fn all() -> Vec<(&'static str, Audit)> {
    vec![
        (
            "audit::every_call_is_allowed",
            permissions::every_call_is_allowed as Audit,
        ),
        ("audit::every_permission_is_used", permissions::every_permission_is_used),
        ("audit::a_secret_is_found_in_each_form", secrets::each_form_is_found),
        ("audit::no_secret_stands_in_the_clear", secrets::none_in_the_clear),
    ]
}
