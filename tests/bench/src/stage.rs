//! Everything that a run needs, set up once: upstreams, programs, and connections at each point of their way.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    fixture,
    function::{Function, Program},
    programs::{self, Places},
    table::Tables,
    world::World,
};

/// As many as SQS hands over at once.
pub const BATCH: usize = 10;

/// A moment in the life of some connections: what is stored, and what comes next.
pub struct Moment {
    /// What is stored.
    pub tables: Tables,
    /// The events that come next, one for each connection.
    pub events: Vec<Value>,
}

/// Everything that a run needs.
pub struct Stage {
    /// The upstreams.
    pub world: World,
    /// What was built.
    pub places: Places,
    /// `callback`, `worker`, `sweeper`.
    pub callback: Program,
    /// See [`Stage::callback`].
    pub worker: Program,
    /// See [`Stage::callback`].
    pub sweeper: Program,
    /// The peers.
    pub python: Program,
    /// See [`Stage::python`].
    pub node: Program,
    /// Where the functions' logs go.
    pub log: PathBuf,
    /// A customer is on the consent screen; the callback comes next. For the peers' own table too.
    pub consenting: Moment,
    /// The event that a peer is given then.
    pub peer_event: Value,
    /// Ten connections are due now; the events are the bodies of their pointers.
    pub due: Moment,
    /// Ten connections are due in three days; the events are the bodies of pointers at them.
    pub resting: Moment,
    /// Ten connections are due in not quite 15 minutes, and nothing points at them: the sweeper's.
    pub soon: Moment,
}

impl Stage {
    /// Sets everything up; files go into `folder`.
    ///
    /// # Errors
    /// When something does not come up.
    pub async fn set(places: Places, folder: PathBuf) -> Result<Self> {
        let world = World::start(&folder).await?;
        let log = folder.join("functions.log");
        let callback = programs::function(&places, &world, "callback", &folder).await?;
        let worker = programs::function(&places, &world, "worker", &folder).await?;
        let sweeper = programs::function(&places, &world, "sweeper", &folder).await?;
        let (python, node) = (programs::python(&places, &world), programs::node(&places, &world));
        fixture::prepare(&places.command, &world, &folder).await?;
        let empty = world.dynamodb.snapshot();
        let mut running = Function::start(&callback, &log).await?;

        let link = fixture::connect(&places.command, &world, 0, "--register-in=3d").await?;
        let event = fixture::consent(&mut running, &link, 0).await?;
        let peer_event = seed_peers(&world);
        let consenting = Moment {
            tables: world.dynamodb.snapshot(),
            events: vec![event],
        };

        let due = consented(&places, &world, &mut running, &empty, "--register-now").await?;
        let pointers = world.sqs.take();
        let due = Moment {
            events: pointers.into_iter().map(Value::String).collect(),
            tables: due,
        };
        anyhow::ensure!(due.events.len() == BATCH, "{} pointers of {BATCH}", due.events.len());

        let tables = consented(&places, &world, &mut running, &empty, "--register-in=3d").await?;
        let pointer = due.events.first().and_then(Value::as_str).context("no pointer")?;
        let pointers = pointers_at(&tables, pointer)?;
        let resting = Moment {
            events: pointers,
            tables,
        };
        let soon = Moment {
            events: Vec::new(),
            tables: consented(&places, &world, &mut running, &empty, "--register-in=15m2s").await?,
        };
        running.stop().await?;
        drop(world.tally.take());
        Ok(Self {
            world,
            places,
            callback,
            worker,
            sweeper,
            python,
            node,
            log,
            consenting,
            peer_event,
            due,
            resting,
            soon,
        })
    }
}

/// Ten connections whose customers have consented.
async fn consented(
    places: &Places,
    world: &World,
    callback: &mut Function,
    empty: &Tables,
    due: &str,
) -> Result<Tables> {
    world.dynamodb.restore(empty);
    drop(world.sqs.take());
    for number in 1..=BATCH {
        let link = fixture::connect(&places.command, world, number, due).await?;
        let event = fixture::consent(callback, &link, number).await?;
        let answered = callback.invoke(&event).await?;
        anyhow::ensure!(
            answered.body.get("statusCode") == Some(&json!(303)),
            "a consent was not taken: {}",
            answered.body
        );
    }
    Ok(world.dynamodb.snapshot())
}

/// Pointers at all connections in `tables`, in the form of `pointer`, which points at another one.
fn pointers_at(tables: &Tables, pointer: &str) -> Result<Vec<Value>> {
    let at = pointer.find("conn_").context("a pointer without a connection")?;
    let id: String = pointer
        .get(at..)
        .unwrap_or_default()
        .chars()
        .take_while(|c| *c != '"')
        .collect();
    let connections = tables.partitions("CONN#conn_");
    let ids = connections.iter().filter_map(|key| key.strip_prefix("CONN#"));
    Ok(ids.map(|other| Value::String(pointer.replace(&id, other))).collect())
}

/// What the peers have stored when a customer is on the consent screen, and the event that comes next.
fn seed_peers(world: &World) -> Value {
    let state = "s".repeat(43);
    let item = json!({
        "pk": { "S": format!("STATE#{state}") },
        "sk": { "S": "STATE" },
        "customer": { "S": "customer-1" },
        "verifier": { "S": "v".repeat(43) },
        "expires_at": { "N": "4102444800" },
    });
    if let Value::Object(item) = item {
        world.dynamodb.put("peer", item);
    }
    let code = format!("stampNL001.abcd%21IAAAA{}.1", "c".repeat(300));
    let mut event = fixture::request("/callback", &format!("code={code}&state={state}"), &[]);
    let parameters = json!({ "code": code.replace("%21", "!"), "state": state });
    if let Some(event) = event.as_object_mut() {
        event.insert("queryStringParameters".into(), parameters);
    }
    event
}
