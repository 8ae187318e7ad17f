//! `channel add`, `channel list`.

use std::path::Path;

use handover_core::{
    ids::ChannelId,
    ports::{Clock, DataKey, Place, Queue, Randomness, Sealed, Store, Vault},
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
        if !args.replace && self.store.channel(&args.name).await?.is_some() {
            return Err(Failure::Refused(format!(
                "there is a channel {} already; --replace replaces it, for the registrations that wait too",
                args.name
            )));
        }
        let profile = args.kind.profile.as_deref().map(read_profile).transpose()?;
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
        let message = match kind {
            ChannelKind::Assisted => format!(
                "{} is added: what is due over it waits for a person and `handover take`.",
                channel.id
            ),
            ChannelKind::Http => format!("{} is added; its profile is sealed.", channel.id),
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

fn unusable(error: ProfileError) -> Failure {
    Failure::Usage(error.to_string())
}

fn read_profile(path: &Path) -> Result<Profile, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("--profile: {} cannot be read: {error}", path.display())))?;
    Profile::parse(&text).map_err(|error| Failure::Usage(format!("--profile {}: {error}", path.display())))
}
