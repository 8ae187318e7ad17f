//! A customer, from the OEM's command to the page that says "connected".

use anyhow::{Context, Result, ensure};
use handover_local::{
    customer::Customer,
    stage::{APPLICATION, CHANNEL, PASSWORD, Stage},
};
use handover_standin::User;
use jiff::Timestamp;
use serde_json::Value;

/// A connection whose customer has consented.
#[derive(Debug, Clone)]
pub(super) struct Appointment {
    /// Its id.
    pub connection: String,
    /// The OEM's name for the customer.
    pub reference: String,
    /// When its registration is due.
    pub due: Timestamp,
}

/// Invites a customer and takes them through consent.
pub(super) async fn consented(stage: &Stage, number: usize, due: Timestamp) -> Result<Appointment> {
    let reference = format!("customer-{number}");
    let user = User {
        password: PASSWORD.into(),
        full_name: format!("Customer {number}"),
        // Exact Online counts calls per company.
        division: i64::try_from(number)? + 1,
        ..User::default()
    };
    stage.standin.control().put_user(&reference, &user).await?;
    let register_at = due.to_string();
    let arguments = [
        "connect",
        "--app",
        APPLICATION,
        "--channel",
        CHANNEL,
        "--reference",
        &reference,
        "--database",
        &reference,
        "--register-at",
        &register_at,
    ];
    let made = stage.handover.json(&arguments, "").await?;
    let text = |pointer: &str| {
        let text = made.pointer(pointer).and_then(Value::as_str);
        text.with_context(|| format!("`connect` tells no {pointer}: {made:#}"))
    };
    let link = text("/link")?.parse()?;
    let seen = Customer::new(&stage.gateway.url(), &reference, PASSWORD)?
        .connect(&link)
        .await?;
    ensure!(
        seen.status == 200,
        "{reference} ends on a page with status {}",
        seen.status
    );
    Ok(Appointment {
        connection: text("/connection/id")?.to_owned(),
        reference,
        due,
    })
}
