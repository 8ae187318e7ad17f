//! `channel add`, `channel list`.

use std::path::Path;

use handover_core::{
    ids::ChannelId,
    ports::{Clock, DataKey, Place, Queue, Randomness, ReadError, Sealed, Store, Vault},
    registration::{Channel, ChannelKind},
};
use handover_invantive::{Profile, ProfileError};
use secrecy::SecretString;
use serde::Serialize;

use super::House;
use crate::{
    args::AddChannel,
    console::{self, Console},
    failure::Failure,
    output::{Answer, Cell, Page},
};

/// A channel, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names are those of Channel's own fields")]
pub struct ChannelView {
    pub name: ChannelId,
    pub kind: ChannelKind,
    pub description: String,
}

impl From<&Channel> for ChannelView {
    fn from(channel: &Channel) -> Self {
        Self {
            name: channel.id.clone(),
            kind: channel.kind,
            description: channel.description.clone(),
        }
    }
}

/// A channel that was added.
#[derive(Debug, Serialize)]
pub struct AddedChannel {
    /// What was done, in words.
    pub message: String,
    /// As it stands now.
    pub channel: ChannelView,
}

impl Answer for AddedChannel {
    fn tell(&self, page: &mut Page) {
        page.line(&self.message);
    }
}

/// All channels.
#[derive(Debug, Serialize)]
pub struct Channels {
    /// By name.
    pub channels: Vec<ChannelView>,
}

impl Answer for Channels {
    fn tell(&self, page: &mut Page) {
        if self.channels.is_empty() {
            page.line("There is no channel yet: add one with `handover channel add NAME --assisted`.");
            return;
        }
        let rows: Vec<Vec<Cell>> = self
            .channels
            .iter()
            .map(|channel| {
                vec![
                    Cell::new(channel.name.as_str()),
                    Cell::new(kind(channel.kind)),
                    Cell::new(&channel.description),
                ]
            })
            .collect();
        page.table(&["name", "kind", "description"], &rows);
    }
}

fn kind(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Assisted => "assisted",
        ChannelKind::Http => "http",
    }
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn add_channel(
        &self,
        args: AddChannel,
        console: &mut impl Console,
    ) -> Result<AddedChannel, Failure> {
        let before = self.channel_before(&args).await?;
        let profile = args.kind.profile.as_deref().map(read_profile).transpose()?;
        let becomes = if profile.is_some() {
            ChannelKind::Http
        } else {
            ChannelKind::Assisted
        };
        let other_kind = before.filter(|before| *before != Some(becomes));
        if other_kind.is_some() {
            console::meant(console, args.yes, &stays_behind(&args.name, becomes))?;
        }
        let (kind, sealed) = match profile {
            None => (ChannelKind::Assisted, None),
            Some(profile) => (
                ChannelKind::Http,
                Some(self.sealed_profile(&args.name, profile, console).await?),
            ),
        };
        let channel = Channel {
            id: args.name,
            kind,
            description: args.description.unwrap_or_default(),
        };
        self.store.put_channel(&channel, sealed.as_ref()).await?;
        let added = match kind {
            ChannelKind::Assisted => format!(
                "{} is added: what is due over it waits for a person and `handover take`.",
                channel.id
            ),
            ChannelKind::Http => format!("{} is added; its profile is sealed.", channel.id),
        };
        let message = match other_kind {
            Some(_) => format!("{added} {}.", stays_behind(&channel.id, kind)),
            None => added,
        };
        Ok(AddedChannel {
            message,
            channel: (&channel).into(),
        })
    }

    pub(super) async fn list_channels(&self) -> Result<Channels, Failure> {
        let channels = self.store.channels().await?;
        Ok(Channels {
            channels: channels.iter().map(ChannelView::from).collect(),
        })
    }

    /// The kind of the channel that is replaced, if there is one; `Some(None)`: one that cannot be read.
    async fn channel_before(&self, args: &AddChannel) -> Result<Option<Option<ChannelKind>>, Failure> {
        let name = &args.name;
        match self.store.channel(name).await {
            Ok(Some(_)) if !args.replace => Err(Failure::Refused(format!(
                "there is a channel {name} already; --replace replaces it, for the registrations that wait too"
            ))),
            Ok(before) => Ok(before.map(|before| Some(before.kind))),
            // Replacing it is how it is mended.
            Err(ReadError::Rejected(_)) if args.replace => Ok(Some(None)),
            Err(error) => Err(error.into()),
        }
    }

    async fn sealed_profile(
        &self,
        name: &ChannelId,
        mut profile: Profile,
        console: &mut impl Console,
    ) -> Result<Sealed, Failure> {
        for (secret, value) in console::named_secrets(console, &profile.secrets_wanted())? {
            profile
                .fill(&secret, &SecretString::from(value.as_str()))
                .map_err(unusable)?;
        }
        let plaintext = profile.seal_text().map_err(unusable)?;
        let key = self.vault.data_key(&Place::Channel(name.clone())).await?;
        Ok(key.seal(&plaintext)?)
    }
}

/// What a channel's change of kind does to what was asked for before: a registration keeps the kind that it was asked
/// for with.
fn stays_behind(name: &ChannelId, becomes: ChannelKind) -> String {
    match becomes {
        ChannelKind::Assisted => format!(
            "{name} is an assisted channel from now on, and a sealed profile that it had is deleted: registrations that \
             wait for it as an http channel are not sent and not handed to a person either, they stop with the problem \
             `configuration`. Put the profile back with `handover channel add {name} --profile FILE --replace`, or cancel \
             them and connect anew"
        ),
        ChannelKind::Http => format!(
            "{name} is an http channel from now on: registrations that wait for it as an assisted channel are not sent by \
             it, they still wait for a person and `handover take`"
        ),
    }
}

fn unusable(error: ProfileError) -> Failure {
    Failure::Usage(error.to_string())
}

fn read_profile(path: &Path) -> Result<Profile, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("--profile: {} cannot be read: {error}", path.display())))?;
    Profile::parse(&text).map_err(|error| Failure::Usage(format!("--profile {}: {error}", path.display())))
}
