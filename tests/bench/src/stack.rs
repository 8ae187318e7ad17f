//! CloudFormation and STS, as far as the command `handover` asks them.

use std::sync::OnceLock;

use url::form_urlencoded;

use crate::serve::{Asked, Reply, Service};

/// Says what the deployment's stack is.
#[derive(Debug, Default)]
pub struct Stack {
    /// Its outputs, once all addresses are known.
    pub outputs: OnceLock<Vec<(&'static str, String)>>,
}

impl Service for Stack {
    async fn answer(&self, asked: Asked) -> Reply {
        let mut fields = form_urlencoded::parse(&asked.body);
        let action = fields.find_map(|(name, value)| (name == "Action").then(|| value.into_owned()));
        let action = action.unwrap_or_default();
        let body = match action.as_str() {
            "DescribeStacks" => self.describe(),
            "GetCallerIdentity" => "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                <GetCallerIdentityResult><Arn>arn:aws:sts::000000000000:assumed-role/bench/bench</Arn>\
                <UserId>bench</UserId><Account>000000000000</Account></GetCallerIdentityResult>\
                </GetCallerIdentityResponse>"
                .to_owned(),
            _ => String::new(),
        };
        let mut reply = Reply::json(action, &serde_json::Value::Null);
        reply.headers = vec![("content-type", "text/xml".into())];
        reply.status = if body.is_empty() { 400 } else { 200 };
        reply.body = body.into_bytes();
        reply
    }
}

impl Stack {
    fn describe(&self) -> String {
        let outputs = self.outputs.get().into_iter().flatten();
        let outputs: String = outputs
            .map(|(key, value)| {
                format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
            })
            .collect();
        format!(
            "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
             <DescribeStacksResult><Stacks><member><StackName>bench</StackName>\
             <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
             <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )
    }
}
