//! What is typed.
#![allow(rustdoc::bare_urls, reason = "these comments are the help texts, read on a terminal")]

use std::{path::PathBuf, str::FromStr};

use clap::{ArgAction, Args, Parser, Subcommand, builder::FalseyValueParser};
use handover_core::{
    application::Origin,
    connection::{PairFate, Status},
    ids::{ApplicationId, ChannelId, ClientId, ConnectionId, CustomerReference, EffectId, Segment},
    registration::Due,
};
use handover_invantive::assisted::FORM;
use jiff::Timestamp;
use url::Url;

use crate::time::{self, Days, Wait};

/// Connects customers' Exact Online and hands the token pairs over to Invantive Cloud.
#[derive(Debug, Parser)]
#[command(name = "handover", version, max_term_width = 110, after_help = EXAMPLES)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  handover app add exact-nl --country nl --client-id 0a1b… --display-name 'Acme Books' \\
      --return-origin https://app.acme.example < client-secret.txt
  handover channel add by-hand --assisted
  handover connect --app exact-nl --channel by-hand --reference 'Jansen BV (4711)' \\
      --database jansen-bv --register-in 3d
  handover list --status awaiting_operator
  handover list --expiring 7d
  handover take conn_01…";

/// Set apart: each command's own options come first.
const EVERYWHERE: &str = "Everywhere";

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// The deployment: the name of its CloudFormation stack
    #[arg(long, global = true, help_heading = EVERYWHERE, env = "HANDOVER_STACK", value_name = "NAME")]
    pub stack: Option<String>,
    /// One JSON document on standard output, errors as `{"error": …}` on standard error
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
    /// Accept http addresses: for a local cloud with stand-ins, never with customers
    #[arg(
        long,
        global = true,
        help_heading = EVERYWHERE,
        env = "HANDOVER_ALLOW_HTTP",
        value_parser = FalseyValueParser::new(),
        action = ArgAction::SetTrue
    )]
    pub allow_http: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// App registrations at Exact Online
    #[command(subcommand)]
    App(AppCommand),
    /// Ways to register databases at Invantive Cloud
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Makes a connection and prints the link for the customer
    Connect(Connect),
    /// Makes a new link; the one before it stops working
    Link(LinkArgs),
    /// Lists connections, last made first
    List(List),
    /// Shows one connection: where it stands, what comes next, what happened
    Show(One),
    /// Gives a connection up and destroys its token pair
    Cancel(One),
    /// Erases a customer's names, addresses and history, in all connections of theirs or in one
    Forget(Forget),
    /// Changes when a database is registered
    Reschedule(Reschedule),
    /// Attempts a registration again that was refused or put off
    Retry(One),
    /// Says how it stands at Invantive Cloud when an attempt is in doubt
    Resolve(Resolve),
    /// Takes an assisted registration in hand: shows the form's fields, secrets included, on this terminal
    Take(Take),
    /// Says that the database you took in hand exists
    Done(DoneArgs),
    /// Says that Invantive Cloud refused the database you took in hand
    Refused(RefusedArgs),
    /// Says that nothing was entered for the database you took in hand: it comes back
    PutBack(PutBack),
}

/// App registrations.
#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Adds an app registration; its client secret is read from standard input
    Add(Box<AddApp>),
    /// Lists app registrations
    List,
    /// Shows one app registration
    Show(OneApp),
    /// Replaces a client secret; the new one is read from standard input
    SetSecret(SetSecret),
}

/// `app add`.
#[derive(Debug, Args)]
pub struct AddApp {
    /// A name of your own; part of the redirect URI, such as exact-nl
    pub name: ApplicationId,
    /// Where it is known.
    #[command(flatten)]
    pub host: HostArgs,
    /// The client id, as Exact's app centre shows it
    #[arg(long)]
    pub client_id: ClientId,
    /// What customers see: your name or brand
    #[arg(long, value_parser = one_line)]
    pub display_name: String,
    /// Where customers may be sent afterwards, such as https://app.acme.example; may be given several times
    #[arg(long = "return-origin", value_name = "ORIGIN", value_delimiter = ',')]
    pub return_origins: Vec<Origin>,
    /// The redirect URI, if it is not the deployment's address followed by /callback/NAME
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub redirect_uri: Option<Url>,
    /// An access token's life, if it is not Exact's 600 seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub access_seconds: Option<u32>,
    /// A refresh token's life, if it is not Exact's 30 days
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub refresh_seconds: Option<u32>,
    /// How soon after an answer the next refresh is allowed, if it is not Exact's 570 seconds
    #[arg(long, value_name = "SECONDS")]
    pub earliest_refresh_seconds: Option<u32>,
    /// How its token pairs and connections are looked after.
    #[command(flatten)]
    pub upkeep: UpkeepArgs,
    /// Replace the app registration of that name, if there is one
    #[arg(long)]
    pub replace: bool,
    /// With --replace: another client id is meant, and the token pairs issued to the old one are given up
    #[arg(long, requires = "replace")]
    pub yes: bool,
}

/// How an application's token pairs and connections are looked after. What is not given is as usual.
#[derive(Debug, Default, Args)]
pub struct UpkeepArgs {
    /// Days left of a token pair at which you are told, if they are not 7d,3d,1d. For connections made from now on, as
    /// are --renew and --retention: those there are keep what they were made with
    #[arg(long, value_name = "DAYS", value_delimiter = ',')]
    pub warn: Vec<Days>,
    /// So many days before its end a token pair is renewed, if its registration is still to come and it is not 3d; or
    /// never: it ends, and the customer has to consent again
    #[arg(long, value_name = "DAYS|never")]
    pub renew: Option<Renew>,
    /// After so many days a finished connection goes, with its history, if it is not 180d
    #[arg(long, value_name = "DAYS")]
    pub retention: Option<Days>,
    /// Connections taken up a minute at most, when many are due at once, if it is not 120. Counts for those there are too
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub pace: Option<u32>,
}

/// When token pairs are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renew {
    /// So long before their end.
    Before(Days),
    /// Not at all.
    Never,
}

impl FromStr for Renew {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let days = text.parse().map(Self::Before);
        days.map_err(|error: time::InvalidDays| format!("{error}, or never"))
    }
}

/// `app show`.
#[derive(Debug, Args)]
pub struct OneApp {
    /// The app registration
    pub name: ApplicationId,
}

/// Where an app registration is known.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct HostArgs {
    /// The host where the app is known, such as https://start.exactonline.nl
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub host: Option<Url>,
    /// The country whose Exact Online it is: nl, be, de, fr, es, co.uk or com
    #[arg(long, value_parser = country)]
    pub country: Option<Url>,
}

/// `app set-secret`.
#[derive(Debug, Args)]
pub struct SetSecret {
    /// The app registration
    pub name: ApplicationId,
    /// The host and redirect URI that `handover app list` shows are the right ones
    #[arg(long)]
    pub yes: bool,
}

/// Channels.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// Adds a channel; a profile's secrets are read from standard input, as name=value lines
    Add(AddChannel),
    /// Lists channels
    List,
}

/// `channel add`.
#[derive(Debug, Args)]
pub struct AddChannel {
    /// A name of your own
    pub name: ChannelId,
    /// How it registers.
    #[command(flatten)]
    pub kind: ChannelArgs,
    /// What it is, for people: nothing secret
    #[arg(long, value_parser = one_line)]
    pub description: Option<String>,
    /// Replace the channel of that name, if there is one
    #[arg(long)]
    pub replace: bool,
    /// With --replace: another kind is meant, whatever still waits for the old one
    #[arg(long, requires = "replace")]
    pub yes: bool,
}

/// How a channel registers.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ChannelArgs {
    /// A person performs the steps of Invantive Cloud's form
    #[arg(long)]
    pub assisted: bool,
    /// The fields are sent over http as this file (JSON) says
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
}

/// `connect`.
#[derive(Debug, Args)]
pub struct Connect {
    /// The app registration that the customer consents to
    #[arg(long, value_name = "NAME")]
    pub app: ApplicationId,
    /// The channel over which the database is registered
    #[arg(long, value_name = "NAME")]
    pub channel: ChannelId,
    /// What you call the customer
    #[arg(long, value_name = "TEXT")]
    pub reference: CustomerReference,
    /// The segment of the database to be made, such as jansen-bv
    #[arg(long, value_name = "SEGMENT")]
    pub database: Segment,
    /// When.
    #[command(flatten)]
    pub due: DueArgs,
    /// Where the customer's browser goes afterwards
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub return_url: Option<Url>,
    /// Days until the link lapses; the deployment's setting unless given
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
    pub link_days: Option<u32>,
}

/// When a database is registered.
#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = false)]
pub struct DueArgs {
    /// So long after the consent: 90s, 15m, 12h, 3d, 2w, or together as 1d12h
    #[arg(long, value_name = "DURATION")]
    pub register_in: Option<Wait>,
    /// At that moment, with offset or Z: 2026-12-01T09:00:00+01:00. One that has passed means at once
    #[arg(long, value_name = "TIME", value_parser = time::moment)]
    pub register_at: Option<Timestamp>,
    /// At once
    #[arg(long)]
    pub register_now: bool,
}

impl DueArgs {
    /// When.
    #[must_use]
    pub fn due(self) -> Due {
        match (self.register_at, self.register_in) {
            (Some(at), _) => Due::At(at),
            (None, Some(wait)) => Due::AfterConsent {
                seconds: wait.seconds(),
            },
            (None, None) => Due::AfterConsent { seconds: 0 },
        }
    }
}

/// `link`.
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// The connection: conn_…
    pub id: ConnectionId,
    /// Days until the link lapses; the deployment's setting unless given
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
    pub link_days: Option<u32>,
}

/// `list`.
#[derive(Debug, Args)]
pub struct List {
    /// Only of this status: invited, authorized, awaiting_operator, registering, in_doubt, failed, reauthorize,
    /// registered or cancelled
    #[arg(long)]
    pub status: Option<Status>,
    /// Only of this customer
    #[arg(long, value_name = "TEXT")]
    pub reference: Option<CustomerReference>,
    /// Only those whose token pair ends within that time, soonest first: of the ones that you were warned of (`app show`
    /// tells when you are)
    #[arg(long, value_name = "DURATION")]
    pub expiring: Option<Wait>,
    /// Lines at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// One connection.
#[derive(Debug, Args)]
pub struct One {
    /// The connection: conn_…
    pub id: ConnectionId,
}

/// `forget`.
#[derive(Debug, Args)]
pub struct Forget {
    /// What you call the customer: all their connections; or one connection: conn_…
    #[arg(value_name = "REFERENCE|CONNECTION")]
    pub whom: Whom,
    /// What will be erased is meant
    #[arg(long)]
    pub yes: bool,
}

/// Who is forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// One connection.
    Connection(ConnectionId),
    /// All connections of a customer.
    Customer(CustomerReference),
}

impl FromStr for Whom {
    type Err = <CustomerReference as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(id) => Ok(Self::Connection(id)),
            Err(_) => text.parse().map(Self::Customer),
        }
    }
}

/// `reschedule`.
#[derive(Debug, Args)]
pub struct Reschedule {
    /// The connection: conn_…
    pub id: ConnectionId,
    /// When.
    #[command(flatten)]
    pub due: DueArgs,
}

/// `resolve`.
#[derive(Debug, Args)]
pub struct Resolve {
    /// The connection: conn_…
    pub id: ConnectionId,
    /// How it stands there.
    #[command(flatten)]
    pub how: ResolveArgs,
    /// With --not-registered: the token pair was exchanged there
    #[arg(long, requires = "not_registered", conflicts_with_all = ["registered", "unspent"])]
    pub spent: bool,
    /// With --not-registered: the token pair surely was not exchanged there, and is kept
    #[arg(long, requires = "not_registered", conflicts_with = "registered")]
    pub unspent: bool,
}

impl Resolve {
    /// What became of the pair, if the database is not there.
    #[must_use]
    pub fn pair(&self) -> PairFate {
        match (self.spent, self.unspent) {
            (true, _) => PairFate::Spent,
            (_, true) => PairFate::Unspent,
            _ => PairFate::Unknown,
        }
    }
}

/// How it stands at Invantive Cloud.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ResolveArgs {
    /// The database exists, under this segment
    #[arg(long, value_name = "SEGMENT")]
    pub registered: Option<Segment>,
    /// The database does not exist
    #[arg(long)]
    pub not_registered: bool,
}

/// `take`.
#[derive(Debug, Args)]
pub struct Take {
    /// The connection: conn_…
    #[arg(required_unless_present = "rehearse")]
    pub id: Option<ConnectionId>,
    /// Register although Exact Online did not tell whose token pair it is: only if you know
    #[arg(long)]
    pub accept_unknown_identity: bool,
    /// Where Invantive Cloud's form is, if it is not the usual one
    #[arg(long, value_name = "URL", env = "HANDOVER_FORM", default_value = FORM, value_parser = web_address)]
    pub form: Url,
    /// Show the screen with made-up values: to learn the keys, and to see whether this terminal allows copying.
    /// Needs no deployment
    #[arg(long, conflicts_with_all = ["id", "accept_unknown_identity"])]
    pub rehearse: bool,
}

/// Of which attempt something is said.
#[derive(Debug, Clone, Copy, Args)]
pub struct AttemptArgs {
    /// The attempt, as `take` printed it and `show` tells it: eff_…. Without it: the one that you have in hand
    #[arg(long, value_name = "ATTEMPT")]
    pub attempt: Option<EffectId>,
}

/// `done`.
#[derive(Debug, Args)]
pub struct DoneArgs {
    /// The connection: conn_…
    pub id: ConnectionId,
    /// Which attempt.
    #[command(flatten)]
    pub of: AttemptArgs,
    /// The database's segment at Invantive Cloud
    #[arg(long)]
    pub segment: Segment,
}

/// `refused`.
#[derive(Debug, Args)]
pub struct RefusedArgs {
    /// The connection: conn_…
    pub id: ConnectionId,
    /// Which attempt.
    #[command(flatten)]
    pub of: AttemptArgs,
    /// What Invantive Cloud said; nothing secret
    #[arg(long, value_name = "TEXT", value_parser = one_line)]
    pub reason: String,
    /// What it did to the pair.
    #[command(flatten)]
    pub pair: PairArgs,
}

/// What an attempt did to the pair.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PairArgs {
    /// The token pair was exchanged there: it is destroyed here
    #[arg(long)]
    pub spent: bool,
    /// The token pair surely was not exchanged there: it is kept
    #[arg(long)]
    pub unspent: bool,
    /// Nobody knows: it is destroyed here
    #[arg(long)]
    pub unknown: bool,
}

impl PairArgs {
    /// What it did.
    #[must_use]
    pub fn fate(&self) -> PairFate {
        match (self.spent, self.unspent) {
            (true, _) => PairFate::Spent,
            (_, true) => PairFate::Unspent,
            _ => PairFate::Unknown,
        }
    }
}

/// `put-back`.
#[derive(Debug, Args)]
pub struct PutBack {
    /// The connection: conn_…
    pub id: ConnectionId,
    /// Which attempt.
    #[command(flatten)]
    pub of: AttemptArgs,
    /// Why; nothing secret
    #[arg(long, value_name = "TEXT", value_parser = one_line)]
    pub reason: String,
}

/// An http or https address.
fn web_address(text: &str) -> Result<Url, String> {
    let usual = "write it in full, such as https://app.acme.example/done";
    let url = Url::parse(text).map_err(|error| format!("{error}; {usual}"))?;
    let plain = matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none();
    if plain { Ok(url) } else { Err(usual.into()) }
}

fn country(text: &str) -> Result<Url, String> {
    handover_platform::countries::host_of(&text.to_lowercase()).ok_or_else(|| {
        let known: Vec<_> = handover_platform::countries::COUNTRIES
            .iter()
            .map(|(name, _)| *name)
            .collect();
        format!(
            "Exact Online has no site of that country; use one of {}, or --host with its address",
            known.join(", ")
        )
    })
}

fn one_line(text: &str) -> Result<String, &'static str> {
    let fits = !text.trim().is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
    if fits {
        Ok(text.trim().to_owned())
    } else {
        Err("write one line of at most 200 bytes")
    }
}
