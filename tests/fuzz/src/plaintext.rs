//! What lies inside sealed values.

use handover_core::{
    application::ApplicationSecret,
    ids::{ClientId, ConnectionId},
    plaintext::{OpenedPair, of_application, of_pair, read_application, read_pair},
    ports::Received,
    secret::Plaintext,
};
use serde_json::Value;

use crate::{
    Verdict,
    case::Case,
    leak::{hides, tells_nothing},
};

/// An opened value, taken for a pair and for an application.
///
/// What is taken is of the one version there is, and comes back from what is written of it. Its secrets are not printed,
/// and a refusal tells nothing at all of it.
pub fn plaintext(input: &[u8]) -> Verdict {
    let opened = Plaintext::new(input.to_vec());
    let (pair, application) = (read_pair(&opened), read_application(&opened));
    for refusal in [pair.as_ref().err(), application.as_ref().err()].into_iter().flatten() {
        tells_nothing(input, &format!("{refusal} {refusal:?}"));
    }
    if pair.is_err() && application.is_err() {
        return Verdict::Refused;
    }
    // Parts that nobody asks for are not looked at: rubbish in them does not show there.
    if let Ok(json) = serde_json::from_slice::<Value>(input) {
        assert_eq!(json["v"], 1);
        if let Ok(pair) = &pair {
            pair_comes_back(&json, &opened, pair);
        }
    }
    if let Ok(secret) = &application {
        application_comes_back(secret);
    }
    Verdict::Accepted
}

/// As JSON again: only their owners get tokens out of an opened pair.
fn pair_comes_back(json: &Value, opened: &Plaintext, pair: &OpenedPair) {
    let text = |name: &str| json[name].as_str().unwrap();
    let (connection, client_id) = (text("connection"), text("client_id"));
    for token in ["access_token", "refresh_token"] {
        hides(text(token), &[client_id, connection], &format!("{pair:?}"));
    }
    let (connection, client_id) = (connection.parse().unwrap(), client_id.parse().unwrap());
    let tokens = tokens_of(opened, connection, &client_id);
    let again = tokens_of(&of_pair(&tokens, connection, &client_id), connection, &client_id);
    assert!(again.access_token.same_as(&tokens.access_token));
    assert!(again.refresh_token.same_as(&tokens.refresh_token));
    assert_eq!(again.expires_in, tokens.expires_in);
}

fn tokens_of(opened: &Plaintext, connection: ConnectionId, client_id: &ClientId) -> Received {
    let application = ApplicationSecret {
        client_id: client_id.clone(),
        ..Case::dutch().application
    };
    read_pair(opened).unwrap().tokens_of(connection, &application).unwrap()
}

fn application_comes_back(secret: &ApplicationSecret) {
    let (host, redirect_uri) = (secret.host.as_str(), secret.redirect_uri.as_str());
    let others = [host, redirect_uri, secret.client_id.as_str()];
    hides(secret.client_secret.expose(), &others, &format!("{secret:?}"));
    let again = read_application(&of_application(secret)).unwrap();
    assert!(again.client_secret.same_as(&secret.client_secret));
    assert_eq!(format!("{again:?}"), format!("{secret:?}"));
}
