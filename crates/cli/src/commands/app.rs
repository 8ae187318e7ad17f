//! `app add`, `app list`, `app show`, `app set-secret`.

use handover_core::{
    application::{Application, ApplicationSecret, Lifetimes, PlatformKind},
    connection::{Status, Upkeep},
    ids::ApplicationId,
    plaintext,
    ports::{Clock, DataKey, Filter, Place, Queue, Randomness, ReadError, Store, Vault},
    secret::ClientSecret,
};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::{House, upkeep};
use crate::{
    args::{AddApp, OneApp, SetSecret},
    console::{self, Console},
    failure::Failure,
    output::{Answer, Cell, Page, Tone},
    time,
};

/// Where a connection may hold a pair.
const WITH_PAIR: [Status; 5] = [
    Status::Authorized,
    Status::AwaitingOperator,
    Status::Registering,
    Status::InDoubt,
    Status::Failed,
];
/// Connections that are looked at to count an app's.
const LOOKED_AT: u32 = 1_000;
/// As many of them at a time.
const PAGE: u32 = 100;

/// An app registration, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are those of Application's own fields")]
pub struct ApplicationView {
    pub name: ApplicationId,
    pub display_name: String,
    pub platform: String,
    pub host: Url,
    pub client_id: String,
    pub redirect_uri: Url,
    pub return_origins: Vec<String>,
    pub lifetimes: Lifetimes,
    pub upkeep: Upkeep,
    pub pace_per_minute: u32,
}

impl From<&Application> for ApplicationView {
    fn from(application: &Application) -> Self {
        Self {
            name: application.id.clone(),
            display_name: application.display_name.clone(),
            platform: application.platform.to_string(),
            host: application.host.clone(),
            client_id: application.client_id.to_string(),
            redirect_uri: application.redirect_uri.clone(),
            return_origins: application.return_origins.iter().map(ToString::to_string).collect(),
            lifetimes: application.lifetimes,
            upkeep: application.upkeep.clone(),
            pace_per_minute: application.pace_per_minute,
        }
    }
}

/// An app registration that was added, or got a new secret.
#[derive(Debug, Serialize)]
pub struct Added {
    /// What was done, in words.
    pub message: String,
    /// As it stands now.
    pub application: ApplicationView,
    /// What it leaves behind.
    pub warnings: Vec<String>,
}

impl Answer for Added {
    fn tell(&self, page: &mut Page) {
        page.line(&self.message);
        page.pairs(&[
            ("host", self.application.host.to_string()),
            ("client id", self.application.client_id.clone()),
            ("redirect URI", self.application.redirect_uri.to_string()),
        ]);
        page.toned(
            Tone::Quiet,
            "Register this redirect URI in Exact's app centre, character by character: customers come back to no other.",
        );
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// One app registration.
#[derive(Debug, Serialize)]
pub struct ShownApplication {
    /// As it stands now.
    pub application: ApplicationView,
}

impl Answer for ShownApplication {
    fn tell(&self, page: &mut Page) {
        let application = &self.application;
        let (lifetimes, kept) = (application.lifetimes, &application.upkeep);
        let lives = |seconds: u32| time::words(seconds.into());
        page.toned(
            Tone::Strong,
            &format!("{}  {}", application.name, application.display_name),
        );
        page.pairs(&[
            ("host", application.host.to_string()),
            ("client id", application.client_id.clone()),
            ("redirect URI", application.redirect_uri.to_string()),
            ("return origins", application.return_origins.join(" ")),
            (
                "token pairs",
                format!(
                    "live {}; the access token {}; renewed {} after an answer at the earliest",
                    lives(lifetimes.refresh_seconds),
                    lives(lifetimes.access_seconds),
                    lives(lifetimes.earliest_refresh_seconds)
                ),
            ),
            ("warns before", upkeep::warnings(kept)),
            ("renews before", upkeep::renewal(kept)),
            ("keeps finished", upkeep::retention(kept)),
            (
                "pace",
                format!("{} connections a minute at most", application.pace_per_minute),
            ),
        ]);
        page.toned(
            Tone::Quiet,
            "Connections keep the times that were set here when they were made (`handover show`); the pace counts for all.",
        );
    }
}

/// All app registrations.
#[derive(Debug, Serialize)]
pub struct Applications {
    /// By name.
    pub applications: Vec<ApplicationView>,
}

impl Answer for Applications {
    fn tell(&self, page: &mut Page) {
        if self.applications.is_empty() {
            page.line("There is no app registration yet: add one with `handover app add`.");
            return;
        }
        let rows: Vec<Vec<Cell>> = self
            .applications
            .iter()
            .map(|application| {
                vec![
                    Cell::new(application.name.as_str()),
                    Cell::new(&application.display_name),
                    Cell::new(application.host.as_str()),
                    Cell::new(&application.client_id),
                    Cell::new(application.redirect_uri.as_str()),
                    Cell::new(&upkeep::warnings(&application.upkeep)),
                    Cell::new(&upkeep::renewal(&application.upkeep)),
                    Cell::new(&upkeep::retention(&application.upkeep)),
                    Cell::new(&application.pace_per_minute.to_string()),
                    Cell::new(&application.return_origins.join(" ")),
                ]
            })
            .collect();
        page.table(
            &[
                "name",
                "shown as",
                "host",
                "client id",
                "redirect URI",
                "warns",
                "renews",
                "keeps",
                "pace",
                "return origins",
            ],
            &rows,
        );
    }
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn add_app(&self, args: AddApp, console: &mut impl Console) -> Result<Added, Failure> {
        let application = self.application(&args)?;
        let left_behind = self.left_behind(&args).await?;
        if let Some(told) = &left_behind {
            console::meant(console, args.yes, told)?;
        }
        let secret = console::one_secret(console, "client secret")?;
        self.put_app(&application, &secret).await?;
        Ok(Added {
            message: format!("{} is added; its client secret is sealed.", application.id),
            application: (&application).into(),
            warnings: left_behind.into_iter().collect(),
        })
    }

    /// What replacing the app registration leaves behind: pairs belong to the client id that they were issued to.
    async fn left_behind(&self, args: &AddApp) -> Result<Option<String>, Failure> {
        let name = &args.name;
        let before = match self.store.application(name).await {
            Ok(None) => return Ok(None),
            Ok(Some(_)) if !args.replace => {
                return Err(Failure::Refused(format!(
                    "there is an app registration {name} already; a new secret goes in with `handover app set-secret \
                     {name}`, and --replace replaces all of it"
                )));
            }
            Ok(Some(before)) if before.client_id == args.client_id => return Ok(None),
            Ok(Some(before)) => format!("the client id {}", before.client_id),
            // Replacing it is how it is mended.
            Err(ReadError::Rejected(_)) if args.replace => "another client id, if it had one".into(),
            Err(error) => return Err(error.into()),
        };
        let pairs = self.pairs_of(name).await;
        Ok(Some(format!(
            "{name} had {before}, and the token pairs that wait were issued to that one: {pairs}. They will be refused, \
             with the problem `configuration`, until {name} has its old client id again or the customer authorises again \
             (`handover link`)"
        )))
    }

    /// How many connections of an app hold a pair, told in words: a courtesy, which reads so many lines and no more.
    async fn pairs_of(&self, name: &ApplicationId) -> String {
        let (mut count, mut looked_at) = (0_u32, 0_u32);
        let mut all = true;
        for status in WITH_PAIR {
            let filter = Filter {
                status: Some(status),
                ..Filter::default()
            };
            let mut after: Option<String> = None;
            loop {
                if looked_at >= LOOKED_AT {
                    all = false;
                    break;
                }
                let Ok(page) = self.store.list(&filter, PAGE, after.as_deref()).await else {
                    return "how many they are could not be found out".into();
                };
                let lines = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
                looked_at = looked_at.saturating_add(lines.max(1));
                let ours = page
                    .items
                    .iter()
                    .filter(|line| line.application == *name && line.pair_ends_at.is_some());
                count = count.saturating_add(u32::try_from(ours.count()).unwrap_or(u32::MAX));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        let least = if all { "" } else { "at least " };
        let connections = if count == 1 { "connection" } else { "connections" };
        format!("{least}{count} authorised {connections}")
    }

    pub(super) async fn list_apps(&self) -> Result<Applications, Failure> {
        let applications = self.store.applications().await?;
        Ok(Applications {
            applications: applications.iter().map(ApplicationView::from).collect(),
        })
    }

    pub(super) async fn show_app(&self, args: OneApp) -> Result<ShownApplication, Failure> {
        let application = self.app_of(&args.name).await?;
        Ok(ShownApplication {
            application: (&application).into(),
        })
    }

    /// Whoever can write the plain table can put another host there, and what is sealed here is sent where the sealed
    /// value says: a new secret sealed with a host that nobody looked at would go to whoever changed it. The sealed
    /// value itself would tell, but those who may seal may not open. So a person has to say that it is right.
    pub(super) async fn set_secret(&self, args: SetSecret, console: &mut impl Console) -> Result<Added, Failure> {
        let name = args.name;
        let application = self.app_of(&name).await?;
        self.must_be_https(&application.host, "--host")?;
        if !args.yes {
            self.confirm_target(&application, console)?;
        }
        let secret = console::one_secret(console, "client secret")?;
        self.put_app(&application, &secret).await?;
        Ok(Added {
            message: format!("{name} has a new client secret, sealed for this host and redirect URI only."),
            application: (&application).into(),
            warnings: Vec::new(),
        })
    }

    fn confirm_target(&self, application: &Application, console: &mut impl Console) -> Result<(), Failure> {
        let Application {
            id,
            host,
            client_id,
            redirect_uri,
            ..
        } = application;
        if !console.is_interactive() {
            return Err(Failure::Usage(format!(
                "the new secret of {id} would be sent to {host} for client id {client_id} and redirect URI \
                 {redirect_uri}; say --yes if that is right"
            )));
        }
        console.say(&format!(
            "The new client secret of {id} will be sent to this host, and to no other:"
        ));
        console.say(&format!("  host          {host}"));
        console.say(&format!("  client id     {client_id}"));
        console.say(&format!("  redirect URI  {redirect_uri}"));
        if console::confirm(console, "Is that right?")? {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "nothing was changed; if host or redirect URI of {id} are not what you gave, somebody has changed the \
             table: add it anew with `handover app add {id} --replace …`"
        )))
    }

    /// The app registration of that name.
    pub(super) async fn app_of(&self, name: &ApplicationId) -> Result<Application, Failure> {
        self.store.application(name).await?.ok_or_else(|| {
            Failure::NotFound(format!(
                "there is no app registration {name} in this deployment; `handover app list` shows them, `handover app \
                 add {name}` adds it"
            ))
        })
    }

    async fn put_app(&self, application: &Application, secret: &Zeroizing<String>) -> Result<(), Failure> {
        let sealed = ApplicationSecret {
            platform: application.platform,
            host: application.host.clone(),
            client_id: application.client_id.clone(),
            client_secret: ClientSecret::new(secret.as_str()),
            redirect_uri: application.redirect_uri.clone(),
        };
        let key = self.vault.data_key(&Place::Application(application.id.clone())).await?;
        let sealed = key.seal(&plaintext::of_application(&sealed))?;
        Ok(self.store.put_application(application, &sealed).await?)
    }

    fn application(&self, args: &AddApp) -> Result<Application, Failure> {
        let host = args.host.host.as_ref().or(args.host.country.as_ref());
        let host = host.ok_or_else(|| Failure::Usage("say where the app is known: --country nl, or --host".into()))?;
        self.must_be_https(host, "--host")?;
        if host.path() != "/" || host.query().is_some() || host.fragment().is_some() {
            return Err(Failure::Usage(format!(
                "--host is {host}: write scheme and host only, such as https://start.exactonline.nl"
            )));
        }
        let redirect_uri = self.redirect_uri(args)?;
        self.must_be_https(&redirect_uri, "--redirect-uri")?;
        for origin in &args.return_origins {
            let text = origin.to_string();
            if !self.allow_http && !text.starts_with("https://") {
                return Err(not_https("--return-origin", &text));
            }
        }
        let lifetimes = lifetimes(args);
        Ok(Application {
            id: args.name.clone(),
            display_name: args.display_name.clone(),
            platform: PlatformKind::ExactOnline,
            host: host.clone(),
            client_id: args.client_id.clone(),
            redirect_uri,
            lifetimes,
            upkeep: upkeep::asked(&args.upkeep, lifetimes)?,
            pace_per_minute: upkeep::pace(&args.upkeep),
            return_origins: args.return_origins.clone(),
        })
    }

    fn redirect_uri(&self, args: &AddApp) -> Result<Url, Failure> {
        if let Some(uri) = &args.redirect_uri {
            // The route takes the name out of the path: another one would lead to another app, or to nobody.
            let own = format!("/callback/{}", args.name);
            if uri.path() == own && uri.query().is_none() && uri.fragment().is_none() {
                return Ok(uri.clone());
            }
            return Err(Failure::Usage(format!(
                "--redirect-uri is {uri}: it has to end with {own}, such as https://connect.acme.example{own}"
            )));
        }
        let uri = format!("{}/callback/{}", self.public_url, args.name);
        Url::parse(&uri).map_err(|error| {
            Failure::Unusable(format!(
                "the deployment's address makes no redirect URI ({uri}: {error}); set one with --redirect-uri"
            ))
        })
    }

    /// Secrets and customers are sent over TLS only, but for a local cloud.
    pub(super) fn must_be_https(&self, url: &Url, flag: &str) -> Result<(), Failure> {
        if url.scheme() == "https" || self.allow_http {
            Ok(())
        } else {
            Err(not_https(flag, url.as_str()))
        }
    }
}

fn not_https(flag: &str, url: &str) -> Failure {
    Failure::Usage(format!(
        "{flag} is {url}: it has to begin with https; for a local cloud with stand-ins say --allow-http"
    ))
}

fn lifetimes(args: &AddApp) -> Lifetimes {
    let usual = Lifetimes::EXACT_ONLINE;
    Lifetimes {
        access_seconds: args.access_seconds.unwrap_or(usual.access_seconds),
        refresh_seconds: args.refresh_seconds.unwrap_or(usual.refresh_seconds),
        earliest_refresh_seconds: args.earliest_refresh_seconds.unwrap_or(usual.earliest_refresh_seconds),
    }
}
