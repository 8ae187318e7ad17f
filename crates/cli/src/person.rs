//! Who sits here: a name out of an AWS identity.

/// The name under which someone stands in a connection's history.
///
/// A role's session bears whatever name its taker chose (unless the role's trust policy says otherwise), so the role
/// stands beside it.
#[must_use]
pub fn name_of(arn: &str) -> String {
    // arn:partition:service:region:account:resource
    let mut parts = arn.splitn(6, ':').skip(4);
    let (Some(account), Some(resource)) = (parts.next(), parts.next()) else {
        return arn.to_owned();
    };
    let mut path = resource.split('/');
    match (path.next(), path.next_back()) {
        (Some("assumed-role"), Some(session)) => {
            let role = path.next().unwrap_or("a role");
            format!("{session} ({role})")
        }
        (Some("user" | "federated-user"), Some(user)) => user.to_owned(),
        (Some("root"), None) => format!("root of account {account}"),
        _ => resource.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_have_readable_names() {
        for (arn, name) in [
            ("arn:aws:iam::123456789012:user/jan", "jan"),
            ("arn:aws:iam::123456789012:user/team/nl/jan.jansen", "jan.jansen"),
            (
                "arn:aws:sts::123456789012:assumed-role/acme-Operator-1A2B/jan",
                "jan (acme-Operator-1A2B)",
            ),
            (
                "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Op_0f/jan@acme.example",
                "jan@acme.example (AWSReservedSSO_Op_0f)",
            ),
            ("arn:aws-cn:sts::123456789012:federated-user/jan", "jan"),
            ("arn:aws:iam::123456789012:root", "root of account 123456789012"),
            ("arn:aws:sts::1:assumed-role/only", "only (a role)"),
            ("arn:aws:iam::1:something", "something"),
            ("", ""),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(name_of(arn), name, "{arn}");
        }
    }
}
