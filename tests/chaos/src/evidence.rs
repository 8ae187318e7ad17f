//! What a run leaves behind: the stand-ins' books, the tables, and who was killed over what.

use std::collections::HashSet;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use handover_core::{
    connection::{Connection, PairKey},
    event::Record,
};
use handover_local::{processes::Process, stage::Stage};
use handover_standin::Books;

use crate::{
    board::Board,
    killer::Kill,
    people::{Journey, Trip},
    wire::Asked,
};

/// Histories read at once.
const AT_ONCE: usize = 8;

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What Exact Online and Invantive Cloud have written down.
    pub books: Books,
    /// What the tables hold.
    pub connections: Vec<Kept>,
    /// The pairs that the vault holds.
    pub sealed: Vec<PairKey>,
    /// What functions asked outside.
    pub asked: Vec<Asked>,
    /// Who was killed.
    pub killed: HashSet<Process>,
}

/// One connection with its history.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The customer's name: at Exact Online, for the OEM, and the database's.
    pub customer: String,
    /// Its consents.
    pub trips: Vec<Trip>,
    /// Where it stands.
    pub connection: Connection,
    /// What happened to it.
    pub history: Vec<Record>,
    /// What its people could not do last.
    pub trouble: Option<String>,
}

impl Evidence {
    /// Of that stage, when all is over.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub async fn gather(
        stage: &Stage,
        board: &Board,
        journeys: Vec<Journey>,
        asked: Vec<Asked>,
        kills: &[Kill],
    ) -> Result<Self> {
        let kept = stream::iter(journeys).map(|journey| keep(board, journey));
        Ok(Self {
            books: stage.standin.books(),
            connections: kept.buffered(AT_ONCE).try_collect().await?,
            sealed: board.sealed(stage).await?,
            asked,
            killed: kills.iter().map(|kill| kill.process.clone()).collect(),
        })
    }
}

async fn keep(board: &Board, journey: Journey) -> Result<Kept> {
    Ok(Kept {
        connection: board.connection(journey.id).await?,
        history: board.history(journey.id).await?,
        customer: journey.customer,
        trips: journey.trips,
        trouble: journey.trouble,
    })
}
