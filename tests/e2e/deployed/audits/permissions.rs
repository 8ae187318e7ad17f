//! What was called against what the template allows, both ways.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use handover_local::recorder::Call;
use serde_json::Value;

use crate::evidence::{Deployment, Evidence};

/// Callers, and the role of the template that each has.
const ROLES: [(&str, &str); 5] = [
    ("handover-callback", "CallbackRole"),
    ("handover-worker", "WorkerRole"),
    ("handover-sweeper", "SweeperRole"),
    ("handover-developer", "DeveloperRole"),
    ("handover-operator", "OperatorRole"),
];

/// Statements whose use cannot be seen from outside: AWS itself makes those calls for the role.
const UNSEEN: [&str; 3] = ["UseTables", "WriteLogs", "ReceiveMessages"];

/// Everybody may ask who they are: needs no permission.
const FREE: [&str; 1] = ["sts:GetCallerIdentity"];

struct Statement<'a> {
    sid: &'a str,
    actions: Vec<&'a str>,
    resources: Vec<&'a str>,
    /// Patterns of leading keys; empty: any.
    keys: Vec<&'a str>,
    /// Allowed values by name of the encryption context.
    context: BTreeMap<&'a str, Vec<&'a str>>,
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

impl<'a> Statement<'a> {
    fn read(statement: &'a Value) -> Self {
        let conditions = statement
            .get("Condition")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let (mut keys, mut context) = (Vec::new(), BTreeMap::new());
        for (name, value) in conditions.filter_map(|(_, condition)| condition.as_object()).flatten() {
            if name == "dynamodb:LeadingKeys" {
                keys = texts(Some(value));
            } else if let Some(name) = name.strip_prefix("kms:EncryptionContext:") {
                context.insert(name, texts(Some(value)));
            }
        }
        Self {
            sid: statement.get("Sid").and_then(Value::as_str).unwrap_or("(no Sid)"),
            actions: texts(statement.get("Action")),
            resources: texts(statement.get("Resource")),
            keys,
            context,
        }
    }

    fn allows(&self, call: &Call) -> bool {
        self.actions.iter().any(|action| like(action, &call.action))
            && self.resources.iter().any(|resource| names(resource, call))
            && (self.keys.is_empty() || self.key_of(call).is_some())
            && self.context.iter().all(|(name, allowed)| {
                call.context
                    .get(*name)
                    .is_some_and(|value| allowed.iter().any(|allowed| allowed == value))
            })
    }

    fn key_of(&self, call: &Call) -> Option<&'a str> {
        let key = call.leading_key.as_deref()?;
        self.keys.iter().find(|pattern| like(pattern, key)).copied()
    }

    /// What has to be used for this statement to be needed: each resource, and each action with each key and each
    /// value of the encryption context that it is allowed with.
    fn parts(&self) -> BTreeSet<String> {
        let resources = self.resources.iter().map(|resource| self.on(resource));
        let actions = self.actions.iter().flat_map(|action| {
            let keys = self.keys.iter().map(|key| self.with_key(action, key));
            let values = self.context.iter().flat_map(|(name, values)| {
                let values = values.iter();
                values.map(|value| self.with_context(action, name, value))
            });
            std::iter::once(self.alone(action)).chain(keys).chain(values)
        });
        resources.chain(actions).collect()
    }

    fn used_by(&self, call: &Call) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        used.extend(
            self.resources
                .iter()
                .find(|resource| names(resource, call))
                .map(|resource| self.on(resource)),
        );
        for action in self.actions.iter().filter(|action| like(action, &call.action)) {
            used.insert(self.alone(action));
            used.extend(self.key_of(call).map(|key| self.with_key(action, key)));
            let values = self.context.keys().filter_map(|name| call.context.get_key_value(*name));
            used.extend(values.map(|(name, value)| self.with_context(action, name, value)));
        }
        used
    }

    /// Ids differ from one deployment to the next: a table is named by what stands after it.
    fn on(&self, resource: &str) -> String {
        let index = resource.split_once("/index/").map(|(_, index)| index);
        format!("{} on {}", self.sid, index.unwrap_or("the resource itself"))
    }

    fn alone(&self, action: &str) -> String {
        format!("{} {action}", self.sid)
    }

    fn with_key(&self, action: &str, key: &str) -> String {
        format!("{} {action} of {key}", self.sid)
    }

    fn with_context(&self, action: &str, name: &str, value: &str) -> String {
        // The deployment's name is another one each time, and always the one value there is.
        let value = if name == "handover:deployment" {
            "its own"
        } else {
            value
        };
        format!("{} {action} where {name} is {value}", self.sid)
    }
}

/// IAM's `StringLike`, as far as the template uses it: `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| like(tail, rest)))),
    }
}

/// Whether an ARN names what a call is on: a table (or its index), a queue by its address, a key by its id.
fn names(arn: &str, call: &Call) -> bool {
    let service = call.action.split(':').next().unwrap_or_default();
    if !arn.contains(&format!(":{service}:")) {
        return false;
    }
    let name = call.resource.rsplit('/').next().unwrap_or_default();
    match (&call.index, service) {
        (Some(index), _) => arn.ends_with(&format!("table/{name}/index/{index}")),
        (None, "dynamodb") => arn.ends_with(&format!("table/{name}")),
        (None, "sqs") => arn.ends_with(&format!(":{name}")),
        // By the stack's name, or by its id.
        (None, "cloudformation") => arn == call.resource || arn.contains(&format!(":stack/{}/", call.resource)),
        // The SDK may be given the key's ARN or id.
        _ => arn.rsplit('/').next() == Some(name),
    }
}

fn role_of<'a>(deployment: &'a Deployment, caller: &str) -> Option<&'a Vec<Value>> {
    let (_, role) = ROLES.iter().find(|(name, _)| *name == caller)?;
    deployment.roles.get(*role)
}

pub fn every_call_is_allowed(evidence: &Evidence) -> Result<()> {
    let found = evidence.enter();
    ensure!(
        found.calls.len() > 100,
        "only {} calls were recorded: there is nothing to judge",
        found.calls.len()
    );
    let mut refused = BTreeSet::new();
    for (number, call) in &found.calls {
        if FREE.contains(&call.action.as_str()) {
            continue;
        }
        let Some(deployment) = found.deployments.get(*number) else {
            bail!("a call of an unknown deployment")
        };
        let statements = role_of(deployment, &call.caller)
            .into_iter()
            .flatten()
            .map(Statement::read);
        if !statements.into_iter().any(|statement| statement.allows(call)) {
            let key = call
                .leading_key
                .as_deref()
                .and_then(|key| key.split('#').next())
                .unwrap_or("-");
            refused.insert(format!(
                "{}: {} on {} {} key {key}# context {:?}",
                call.caller,
                call.action,
                call.resource.rsplit('/').next().unwrap_or_default(),
                call.index.as_deref().unwrap_or("-"),
                call.context.get("handover:kind"),
            ));
        }
    }
    println!("{} calls compared with the template", found.calls.len());
    ensure!(
        refused.is_empty(),
        "the template does not allow:\n  {}",
        refused.into_iter().collect::<Vec<_>>().join("\n  ")
    );
    Ok(())
}

pub fn every_permission_is_used(evidence: &Evidence) -> Result<()> {
    let found = evidence.enter();
    let mut unused = BTreeSet::new();
    for (caller, role) in ROLES {
        let (mut there, mut used) = (BTreeSet::new(), BTreeSet::new());
        for (number, deployment) in found.deployments.iter().enumerate() {
            let statements: Vec<_> = deployment
                .roles
                .get(role)
                .into_iter()
                .flatten()
                .map(Statement::read)
                .collect();
            let seen = |statement: &&Statement<'_>| !UNSEEN.contains(&statement.sid);
            for statement in statements.iter().filter(seen) {
                there.extend(statement.parts());
                let calls = found
                    .calls
                    .iter()
                    .filter(|(of, call)| *of == number && call.caller == caller);
                for (_, call) in calls.filter(|(_, call)| statement.allows(call)) {
                    used.extend(statement.used_by(call));
                }
            }
        }
        ensure!(!there.is_empty(), "the template has no statements for {role}");
        unused.extend(there.difference(&used).map(|part| format!("{role}: {part}")));
    }
    ensure!(
        unused.is_empty(),
        "the template allows what nobody does:\n  {}",
        unused.into_iter().collect::<Vec<_>>().join("\n  ")
    );
    Ok(())
}
