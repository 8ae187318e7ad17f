//! The assisted channel: what a person enters in Invantive Cloud's own form. Data only; showing it is the terminal's.

use std::fmt;

use handover_core::{
    application::ApplicationSecret,
    ids::{CustomerReference, Segment},
    ports::Received,
};
use handover_platform::countries::country_of;
use secrecy::{ExposeSecret, SecretString};

/// Where the form is.
pub const FORM: &str = "https://cloud.invantive.com/app/setup/databases/new/exactonline";

/// What is registered.
#[derive(Debug)]
pub struct Assignment<'a> {
    /// Where the form is: [`FORM`], or elsewhere.
    pub form: &'a str,
    /// The application, as its secret was sealed.
    pub application: &'a ApplicationSecret,
    /// The pair.
    pub tokens: &'a Received,
    /// The database to make.
    pub database: &'a Segment,
    /// What the OEM calls its customer.
    pub reference: &'a CustomerReference,
}

/// One step of the form.
#[derive(Debug)]
pub struct Step {
    /// From 1.
    pub number: u8,
    /// What to do.
    pub title: &'static str,
    /// What to enter or choose, in the form's order.
    pub fields: Vec<Field>,
}

/// Something to enter or choose.
#[derive(Debug)]
pub struct Field {
    /// As the form calls it.
    pub label: &'static str,
    /// What to enter.
    pub value: Value,
}

/// What to enter.
pub enum Value {
    /// May be shown.
    Plain(String),
    /// Is only copied, or shown when asked for.
    Secret(SecretString),
}

impl Value {
    /// The text, for the one place that copies or shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }

    /// Whether it must not simply be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => write!(f, "{text:?}"),
            Self::Secret(_) => f.write_str("(hidden)"),
        }
    }
}

/// What is worth knowing beside the steps: the rules for OEM partners, and what breaks a registration.
pub const HINTS: [&str; 6] = [
    "Only the subscriber's own staff enter this environment: nobody else is to see these values.",
    "Register in the final environment: a database cannot be moved to another.",
    "One data container per database, and a log-on code of its own with the least rights for each.",
    "One app and user can be in one data container only, over all databases and organisations (itgenscr590).",
    "After Continue, Invantive Cloud renews the tokens itself: this pair is of no further use, here or elsewhere.",
    "Open the database within 30 days, or its authorisation ends.",
];

/// The seven steps, in order.
#[must_use]
pub fn steps(assignment: &Assignment<'_>) -> Vec<Step> {
    let application = assignment.application;
    let tokens = assignment.tokens;
    // A host of no known country (a stand-in) is shown as it is.
    let country = country_of(&application.host)
        .or(application.host.host_str())
        .unwrap_or_default();
    let steps: [(&str, Vec<Field>); 7] = [
        (
            "Open the form for a new database",
            vec![plain("Address", assignment.form)],
        ),
        ("Select the country", vec![plain("Country", country)]),
        (
            "Choose how to authenticate",
            vec![plain("Authentication", "Preauthenticated Credentials")],
        ),
        (
            "Enter the app",
            vec![
                plain("Client ID", application.client_id.as_str()),
                secret("Client Secret", application.client_secret.expose()),
                plain("Redirect URL", application.redirect_uri.as_str()),
            ],
        ),
        (
            "Select the kind of credentials",
            vec![plain("Credentials", "Access Token / Refresh Token")],
        ),
        (
            "Enter the tokens",
            vec![
                secret("Access Token", tokens.access_token.expose()),
                secret("Refresh Token", tokens.refresh_token.expose()),
            ],
        ),
        ("Select Continue: the database is made", Vec::new()),
    ];
    (1..)
        .zip(steps)
        .map(|(number, (title, fields))| Step { number, title, fields })
        .collect()
}

/// Fields that the form is known to have beside the seven steps, with what fits there.
#[must_use]
pub fn beside(assignment: &Assignment<'_>) -> Vec<Field> {
    vec![
        plain("URL Segment", assignment.database.as_str()),
        plain("Name", assignment.reference.as_str()),
        plain("Whitelisted IP Addresses", "as your environment needs"),
        plain("Allow Invantive Credentials Server Use", "as your environment needs"),
        plain("Startup SQL", "none"),
        plain("Bridge Response Cache Maximum Age", "14400 (seconds, the default)"),
    ]
}

fn plain(label: &'static str, value: &str) -> Field {
    Field {
        label,
        value: Value::Plain(value.to_owned()),
    }
}

fn secret(label: &'static str, value: &str) -> Field {
    Field {
        label,
        value: Value::Secret(SecretString::from(value)),
    }
}

#[cfg(test)]
mod tests {
    use handover_core::{
        application::PlatformKind,
        secret::{AccessToken, ClientSecret, RefreshToken},
    };
    use url::Url;

    use super::*;

    fn with_assignment(host: &str, check: impl Fn(&Assignment<'_>)) {
        let application = ApplicationSecret {
            platform: PlatformKind::ExactOnline,
            host: Url::parse(host).unwrap(),
            client_id: "{c1d2}".parse().unwrap(),
            client_secret: ClientSecret::new("hush-secret"),
            redirect_uri: Url::parse("https://connect.acme.example/callback/exact-nl").unwrap(),
        };
        let tokens = Received {
            access_token: AccessToken::new("hush-access"),
            refresh_token: RefreshToken::new("hush-refresh"),
            expires_in: None,
        };
        check(&Assignment {
            form: FORM,
            application: &application,
            tokens: &tokens,
            database: &"acme-1".parse().unwrap(),
            reference: &"Acme".parse().unwrap(),
        });
    }

    #[test]
    fn the_seven_steps_hold_every_field_in_order() {
        with_assignment("https://start.exactonline.co.uk", |assignment| {
            let steps = steps(assignment);
            assert_eq!(
                steps.iter().map(|step| step.number).collect::<Vec<_>>(),
                [1, 2, 3, 4, 5, 6, 7]
            );
            let fields: Vec<_> = steps
                .iter()
                .flat_map(|step| &step.fields)
                .map(|field| (field.label, field.value.expose(), field.value.is_secret()))
                .collect();
            assert_eq!(
                fields,
                [
                    ("Address", FORM, false),
                    ("Country", "co.uk", false),
                    ("Authentication", "Preauthenticated Credentials", false),
                    ("Client ID", "{c1d2}", false),
                    ("Client Secret", "hush-secret", true),
                    ("Redirect URL", "https://connect.acme.example/callback/exact-nl", false),
                    ("Credentials", "Access Token / Refresh Token", false),
                    ("Access Token", "hush-access", true),
                    ("Refresh Token", "hush-refresh", true),
                ]
            );
            assert!(!format!("{steps:?} {assignment:?}").contains("hush"));
            assert_eq!(beside(assignment)[0].value.expose(), "acme-1");
        });
    }

    #[test]
    fn a_host_of_no_known_country_is_shown() {
        with_assignment("http://127.0.0.1:8080", |assignment| {
            assert_eq!(steps(assignment)[1].fields[0].value.expose(), "127.0.0.1");
        });
    }
}
