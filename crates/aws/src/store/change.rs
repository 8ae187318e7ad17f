//! Writing a change of a connection, whole or not at all.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure::AllOld, Update},
};
use handover_core::{
    connection::PairKey,
    ids::AuthorisationId,
    ports::{Change, IdentityClaim, LiveChain, Place, Sealed, StoreError, WriteError},
    registration::later,
};
use jiff::Timestamp;

use super::{
    DynamoStore,
    failed::Failed,
    history,
    item::{self, Item, has_text, n, s, version},
    key::Key,
    plain::{self, NEW, refuse_unknown},
    state, time,
    transact::Step,
};

/// How long a sealed pair stays after its refresh token has ended, should nobody have destroyed it.
const PAIR_MARGIN: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The identity's live chain is this one.
const HELD: &str = "v = :v AND doc.authorisation = :held";

impl DynamoStore {
    pub(super) async fn write_change(&self, change: &Change) -> Result<(), WriteError> {
        let key = Key::state(change.connection.id);
        let what = || format!("write revision {} of {key}", change.connection.revision.0);
        let steps = self.steps(change, &what)?;
        match self.transact(steps, Some(change.writer.to_string())).await {
            Ok(()) => Ok(()),
            Err(Failed::Condition(found)) => {
                if self.was_written(change, &found).await? {
                    return Ok(());
                }
                refuse_unknown(&found)?;
                Err(WriteError::Conflict(change.connection.id))
            }
            Err(other) => Err(other.into_error(what())),
        }
    }

    /// Whether an earlier try of this very change took effect. The state says so while nobody has written over it;
    /// a record, which nobody ever writes over, says so for ever.
    async fn was_written(&self, change: &Change, found: &[Item]) -> Result<bool, StoreError> {
        let writer = change.writer.to_string();
        let id = change.connection.id;
        let state = Key::state(id);
        if found
            .iter()
            .any(|item| Key::of(item).as_ref() == Some(&state) && has_text(item, "writer", &writer))
        {
            return Ok(true);
        }
        let Some(record) = change.records.first() else {
            return Ok(false);
        };
        let stored = self
            .fetch_any(&self.tables.connections, &Key::event(id, record.number))
            .await?;
        Ok(stored.is_some_and(|item| has_text(&item, "writer", &writer)))
    }

    /// The state comes first.
    fn steps(&self, change: &Change, what: &impl Fn() -> String) -> Result<Vec<Step>, WriteError> {
        let never = |error: BuildError| Failed::from(error).into_error(what());
        let mut steps = vec![self.state(change)?.map_err(never)?];
        for record in &change.records {
            let record = history::write(change.connection.id, record, change.writer)?;
            steps.push(self.put_new(&self.tables.connections, record).map_err(never)?);
        }
        if let Some((key, sealed)) = &change.pair {
            steps.push(
                self.put_new(&self.tables.vault, pair(change, key, sealed))
                    .map_err(never)?,
            );
        }
        // Named once each: a transaction touches no item twice.
        let destroyed: BTreeMap<_, _> = change
            .destroy
            .iter()
            .map(|key| (Key::pair(key).to_string(), key))
            .collect();
        for key in destroyed.into_values() {
            steps.push(self.delete_pair(key).map_err(never)?);
        }
        if let Some(link) = &change.link {
            let link = plain::link(link, Some(change.writer))?;
            steps.push(self.put_new(&self.tables.connections, link).map_err(never)?);
        }
        if let Some(authorisation) = &change.consume {
            steps.push(self.consume(change, authorisation).map_err(never)?);
        }
        if let Some(claim) = &change.identity {
            steps.push(self.identity(change, claim)?.map_err(never)?);
        }
        if let Some(chain) = &change.requires {
            steps.push(self.lives(chain).map_err(never)?);
        }
        Ok(steps)
    }

    fn state(&self, change: &Change) -> Result<Result<Step, BuildError>, WriteError> {
        let item = state::write(&change.connection, change.writer, self.tables.shards)?;
        let put = Put::builder()
            .table_name(&self.tables.connections)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(AllOld);
        let put = match change.expected {
            None => put.condition_expression(NEW),
            Some(revision) => put
                .condition_expression("revision = :expected AND v = :v")
                .expression_attribute_values(":expected", n(revision.0))
                .expression_attribute_values(":v", version()),
        };
        Ok(put.build().map(Step::Put))
    }

    fn put_new(&self, table: &str, item: Item) -> Result<Step, BuildError> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression(NEW);
        put.build().map(Step::Put)
    }

    fn delete_pair(&self, key: &PairKey) -> Result<Step, BuildError> {
        let key = Key::pair(key).attributes();
        Delete::builder()
            .table_name(&self.tables.vault)
            .set_key(Some(key))
            .build()
            .map(Step::Delete)
    }

    fn consume(&self, change: &Change, authorisation: &AuthorisationId) -> Result<Step, BuildError> {
        let now = change.connection.updated_at;
        Update::builder()
            .table_name(&self.tables.connections)
            .set_key(Some(Key::authorisation(authorisation).attributes()))
            .update_expression("SET consumed_at = :now, writer = :writer")
            .condition_expression(
                "attribute_exists(pk) AND v = :v AND attribute_not_exists(consumed_at) AND expires_at > :now_ms \
                 AND doc.#connection = :connection",
            )
            .expression_attribute_names("#connection", "connection")
            .expression_attribute_values(":now", s(now.to_string()))
            .expression_attribute_values(":now_ms", n(time::ceil(now)))
            .expression_attribute_values(":writer", s(change.writer))
            .expression_attribute_values(":v", version())
            .expression_attribute_values(":connection", s(change.connection.id))
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map(Step::Update)
    }

    fn identity(&self, change: &Change, claim: &IdentityClaim) -> Result<Result<Step, BuildError>, WriteError> {
        let mut item = item::holding(&Key::identity(&claim.key), &claim.held)?;
        item.insert("writer".to_owned(), s(change.writer));
        let put = Put::builder()
            .table_name(&self.tables.connections)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(AllOld);
        let put = match &claim.instead_of {
            None => put.condition_expression(NEW),
            Some(held) => put
                .condition_expression(HELD)
                .expression_attribute_values(":held", s(held.as_str()))
                .expression_attribute_values(":v", version()),
        };
        Ok(put.build().map(Step::Put))
    }

    fn lives(&self, chain: &LiveChain) -> Result<Step, BuildError> {
        ConditionCheck::builder()
            .table_name(&self.tables.connections)
            .set_key(Some(Key::identity(&chain.key).attributes()))
            .condition_expression(HELD)
            .expression_attribute_values(":held", s(chain.authorisation.as_str()))
            .expression_attribute_values(":v", version())
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map(Step::Check)
    }
}

fn pair(change: &Change, key: &PairKey, sealed: &Sealed) -> Item {
    let connection = &change.connection;
    let known = connection
        .pair
        .as_ref()
        .filter(|pair| pair.key == *key)
        .map(|pair| pair.refresh_ends_at);
    let ends_at = known.unwrap_or_else(|| later(connection.updated_at, connection.lifetimes.refresh()));
    let gone_at: Timestamp = later(ends_at, PAIR_MARGIN);
    let mut item = plain::sealed(&Place::Pair(key.clone()), sealed);
    item.insert("expires_at".to_owned(), n(gone_at.as_second()));
    item
}
