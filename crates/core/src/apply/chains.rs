//! The place of a chain among those of its user, and what others have to be told of theirs.

use super::{Along, ApplyError, Desk, TRIES};
use crate::{
    chain::{Order, Standing, order},
    connection::{Connection, Identity, News, Status, Tidings},
    event::{Actor, Event},
    ids::{AuthorisationId, ConnectionId},
    ports::{Clock, IdentityClaim, Queue, Randomness, Store},
};

impl<S: Store, Q: Queue, C: Clock, R: Randomness> Desk<'_, S, Q, C, R> {
    /// Notes who gave the consent `authorisation`, and the place of its chain among those of the same user.
    ///
    /// # Errors
    /// When another consent has taken its place, or it could not be written.
    pub async fn identify(
        &self,
        id: ConnectionId,
        authorisation: &AuthorisationId,
        identity: &Identity,
        by: &Actor,
    ) -> Result<Connection, ApplyError> {
        for _ in 0..TRIES {
            let connection = self.load(id).await?;
            let Order { standing, claim } = self.order(&connection, identity).await?;
            let event = Event::Identified {
                authorisation: authorisation.clone(),
                identity: identity.clone(),
                standing,
            };
            let along = Along {
                identity: claim,
                ..Along::default()
            };
            match self.apply_to(&connection, &event, by, &along).await {
                Err(ApplyError::Conflict(_)) => {}
                result => return result,
            }
        }
        Err(ApplyError::Conflict(id))
    }

    /// Sees whether `connection`'s chain is known as the live one. `Some`: it was not, and what follows from that has been
    /// written.
    ///
    /// # Errors
    /// When it could not be read or written.
    pub async fn take_place(&self, connection: &Connection, by: &Actor) -> Result<Option<Connection>, ApplyError> {
        let (Some(chain), Some(identity)) = (&connection.chain, &connection.identity) else {
            return Ok(None);
        };
        let Order { standing, claim } = self.order(connection, identity).await?;
        if standing == Standing::Alone && claim.is_none() {
            return Ok(None);
        }
        let placed = self.identify(connection.id, &chain.authorisation, identity, by).await?;
        Ok(Some(placed))
    }

    async fn order(&self, connection: &Connection, identity: &Identity) -> Result<Order, ApplyError> {
        let Some(chain) = &connection.chain else {
            return Ok(Order {
                standing: Standing::Alone,
                claim: None,
            });
        };
        let key = chain.identity_key(&identity.user);
        let before = self.store.identity(&key).await?;
        Ok(order(key, chain.claimed(connection.id), before))
    }

    /// Tells other connections what became of their chains, in order, and notes that they were told. One that cannot be
    /// told now does not keep the others from it.
    ///
    /// # Errors
    /// When it has to be tried again, for one of them at least.
    pub async fn tell(&self, connection: &Connection, by: &Actor) -> Result<Connection, ApplyError> {
        let mut current = connection.clone();
        let mut waiting = Vec::new();
        let mut untold = None;
        for tidings in &connection.to_tell {
            // What follows an untold word to the same one waits with it.
            if waiting.contains(&tidings.to) {
                continue;
            }
            match self.tell_one(connection.id, tidings, by).await {
                // Removed after its retention, or nothing that matters to it any more.
                Ok(()) | Err(ApplyError::Unknown(_) | ApplyError::Refused(_)) => {}
                Err(error) => {
                    waiting.push(tidings.to);
                    untold.get_or_insert(error);
                    continue;
                }
            }
            let told = Event::Told(tidings.clone());
            current = self.apply(connection.id, &told, by, &Along::default()).await?;
        }
        untold.map_or(Ok(current), Err)
    }

    async fn tell_one(&self, teller: ConnectionId, tidings: &Tidings, by: &Actor) -> Result<(), ApplyError> {
        let event = Event::Heard {
            chain: tidings.chain.clone(),
            news: tidings.news.clone(),
        };
        if let News::Overtaken { .. } = &tidings.news {
            self.look_at_place(tidings, by).await?;
        }
        for _ in 0..TRIES {
            let hearer = self.load(tidings.to).await?;
            // Read after the hearer, the write to which is fenced: what another process has told since is not told again.
            let teller = &self.load(teller).await?;
            if !teller.to_tell.contains(tidings) {
                return Ok(());
            }
            let identity = match &tidings.news {
                News::Contested(contest) if contest.ours_is_later => {
                    self.hand_over(&contest.with.authorisation, teller, &hearer).await?
                }
                // A person may use the hearer's all the same, unless the teller's was handed over.
                News::Unsettled { .. } if teller.state.status() == Status::Registered => None,
                // The teller may have begun another chain since: it is the contested one that gives its place up.
                News::Released { .. } => match &tidings.of {
                    Some(chain) => self.hand_over(chain, teller, &hearer).await?,
                    None => None,
                },
                News::Unsettled { .. } => match contested_with(&hearer, teller.id) {
                    Some(chain) => self.hand_over(chain, teller, &hearer).await?,
                    None => None,
                },
                // The hearer may have taken the place once more, before it had heard of the contest.
                News::Superseded { by, .. } if *by == teller.id => {
                    self.hand_over(&tidings.chain, &hearer, teller).await?
                }
                News::Superseded { .. } | News::Overtaken { .. } | News::Contested(_) => None,
            };
            let along = Along {
                identity,
                ..Along::default()
            };
            match self.apply_to(&hearer, &event, by, &along).await {
                Err(ApplyError::Conflict(_)) => {}
                result => return result.map(drop),
            }
        }
        Err(ApplyError::Conflict(tidings.to))
    }

    /// Whether the hearer has ended with the teller, or is contested with what has ended that one. Found out before its
    /// contest with the teller is over: should the process die in between, it still waits for this word.
    async fn look_at_place(&self, tidings: &Tidings, by: &Actor) -> Result<(), ApplyError> {
        let hearer = self.load(tidings.to).await?;
        let is_current = hearer
            .chain
            .as_ref()
            .is_some_and(|chain| chain.authorisation == tidings.chain);
        if !is_current {
            return Ok(());
        }
        match self.take_place(&hearer, by).await {
            Ok(_) | Err(ApplyError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The place of the chain `old` of `from` goes to that of `to`, if nobody has taken it since.
    async fn hand_over(
        &self,
        old: &AuthorisationId,
        from: &Connection,
        to: &Connection,
    ) -> Result<Option<IdentityClaim>, ApplyError> {
        let Some(new) = &to.chain else {
            return Ok(None);
        };
        // Both are of the same user: who was forgotten does not say.
        let Some(identity) = from.identity.as_ref().or(to.identity.as_ref()) else {
            return Ok(None);
        };
        let key = new.identity_key(&identity.user);
        let holder = self.store.identity(&key).await?;
        let held = holder.is_some_and(|holder| holder.authorisation == *old);
        Ok(held.then(|| IdentityClaim {
            key,
            held: new.claimed(to.id),
            instead_of: Some(old.clone()),
        }))
    }
}

/// The chain of `other` that `connection` is contested with.
fn contested_with(connection: &Connection, other: ConnectionId) -> Option<&AuthorisationId> {
    let contest = connection
        .contests
        .iter()
        .find(|contest| contest.with.connection == other)?;
    Some(&contest.with.authorisation)
}
