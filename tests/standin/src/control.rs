//! `/__standin/…`: the only place where the server says what it is.

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
    routing::{get, post, put},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    books::Books,
    clock::{ClockReading, SetClock},
    faults::{Fault, FaultStanding},
    invantive::open::Opened,
    random::Randomness,
    settings::{App, InvantiveSettings, User},
    world::{Shared, World},
};

/// The routes.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/__standin/health", get(health))
        .route("/__standin/books", get(books))
        .route("/__standin/clock", get(clock).put(set_clock))
        .route("/__standin/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/__standin/apps/{client_id}", put(put_app).get(app).delete(remove_app))
        .route("/__standin/users/{name}", put(put_user).delete(remove_user))
        .route("/__standin/users/{name}/withdraw", post(withdraw))
        .route("/__standin/invantive", get(invantive).put(put_invantive))
        .route("/__standin/databases/{segment}/open", post(open))
        .route("/__standin/reset", post(reset))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "what": "a stand-in for Exact Online and Invantive Cloud"}))
}

async fn books(State(shared): State<Shared>) -> Json<Books> {
    Json(shared.enter(|world, _| world.books(shared.clock())))
}

async fn clock(State(shared): State<Shared>) -> Json<ClockReading> {
    Json(shared.clock().read())
}

async fn set_clock(State(shared): State<Shared>, Json(to): Json<SetClock>) -> Json<ClockReading> {
    shared.clock().set(to.offset_seconds);
    // What has become due happens before the answer.
    shared.enter(|_, _| ());
    Json(shared.clock().read())
}

async fn faults(State(shared): State<Shared>) -> Json<Vec<FaultStanding>> {
    Json(shared.enter(|world, _| world.faults.all().to_vec()))
}

async fn add_fault(State(shared): State<Shared>, Json(fault): Json<Fault>) -> StatusCode {
    shared.enter(|world, _| world.faults.add(fault));
    StatusCode::CREATED
}

async fn clear_faults(State(shared): State<Shared>) -> StatusCode {
    shared.enter(|world, _| world.faults.clear());
    StatusCode::NO_CONTENT
}

async fn put_app(State(shared): State<Shared>, Path(client_id): Path<String>, Json(app): Json<App>) -> StatusCode {
    shared.enter(|world, _| world.exact.apps.insert(client_id, app));
    StatusCode::NO_CONTENT
}

async fn app(State(shared): State<Shared>, Path(client_id): Path<String>) -> Response {
    let app = shared.enter(|world, _| world.exact.app(&client_id).cloned());
    app.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |app| Json(app).into_response(),
    )
}

async fn remove_app(State(shared): State<Shared>, Path(client_id): Path<String>) -> StatusCode {
    shared.enter(|world, now| world.exact.remove_app(&client_id, now));
    StatusCode::NO_CONTENT
}

async fn put_user(State(shared): State<Shared>, Path(name): Path<String>, Json(user): Json<User>) -> StatusCode {
    shared.enter(|world, _| world.exact.put_user(&name, user, &mut world.random));
    StatusCode::NO_CONTENT
}

async fn remove_user(State(shared): State<Shared>, Path(name): Path<String>) -> StatusCode {
    shared.enter(|world, now| world.exact.remove_user(&name, now));
    StatusCode::NO_CONTENT
}

async fn withdraw(State(shared): State<Shared>, Path(name): Path<String>) -> StatusCode {
    shared.enter(|world, now| world.exact.withdraw(&name, now));
    StatusCode::NO_CONTENT
}

async fn invantive(State(shared): State<Shared>) -> Json<InvantiveSettings> {
    Json(shared.enter(|world, _| world.invantive.settings.clone()))
}

async fn put_invantive(State(shared): State<Shared>, Json(settings): Json<InvantiveSettings>) -> StatusCode {
    shared.enter(|world, _| world.invantive.settings = settings);
    StatusCode::NO_CONTENT
}

async fn open(State(shared): State<Shared>, Path(segment): Path<String>) -> (StatusCode, Json<Opened>) {
    let opened = shared.enter(|world, now| world.open(&segment, now));
    let status = if opened == Opened::Absent {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::OK
    };
    (status, Json(opened))
}

async fn reset(State(shared): State<Shared>) -> StatusCode {
    shared.clock().set(0);
    // The generator goes on where it was: no value of the old world comes again in the new one.
    shared.enter(|world, _| {
        let random: Randomness = world.random.clone();
        *world = World::new(random);
    });
    StatusCode::NO_CONTENT
}
