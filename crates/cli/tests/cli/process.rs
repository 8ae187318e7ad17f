//! The process: what it asks AWS for, what it prints where, and what it ends with.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

const STACK: &str = "\
<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks><member>
<StackName>acme</StackName><StackId>arn:aws:cloudformation:eu-central-1:1:stack/acme/1</StackId>
<CreationTime>2026-11-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>
<member><OutputKey>PublicUrl</OutputKey><OutputValue>https://connect.acme.example</OutputValue></member>
<member><OutputKey>ConnectionsTable</OutputKey><OutputValue>acme-connections</OutputValue></member>
<member><OutputKey>VaultTable</OutputKey><OutputValue>acme-vault</OutputValue></member>
<member><OutputKey>QueueUrl</OutputKey><OutputValue>https://sqs.example/1/wake</OutputValue></member>
<member><OutputKey>PairKeyArn</OutputKey><OutputValue>arn:pair</OutputValue></member>
<member><OutputKey>ApplicationKeyArn</OutputKey><OutputValue>arn:app</OutputValue></member>
<member><OutputKey>WakeShards</OutputKey><OutputValue>4</OutputValue></member>
</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

const NO_STACK: &str = "\
<ErrorResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><Error><Type>Sender</Type>
<Code>ValidationError</Code><Message>Stack with id other does not exist</Message></Error></ErrorResponse>";

const CALLER: &str = "\
<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>
<Arn>arn:aws:sts::1:assumed-role/acme-Developer/jan</Arn><UserId>A</UserId><Account>1</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>";

/// As much of AWS as a command asks for, and what it was asked.
struct Cloud {
    address: String,
    /// What its answers say that the time is.
    date: Arc<Mutex<Option<String>>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Cloud {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let date: Arc<Mutex<Option<String>>> = Arc::default();
        let (books, time) = (Arc::clone(&asked), Arc::clone(&date));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (books, time) = (Arc::clone(&books), Arc::clone(&time));
                std::thread::spawn(move || serve(stream, &books, &time));
            }
        });
        Self { address, date, asked }
    }

    fn run(&self, line: &str, input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_handover"))
            .args(line.split_whitespace())
            .env_clear()
            .envs([
                ("AWS_ENDPOINT_URL", self.address.as_str()),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("HANDOVER_STACK", "acme"),
                ("HANDOVER_ALLOW_HTTP", "false"),
                ("TZ", "UTC"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .map(|(what, _)| what.clone())
            .collect()
    }
}

fn serve(stream: TcpStream, books: &Mutex<Vec<(String, String)>>, date: &Mutex<Option<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let (mut target, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            match name.to_lowercase().as_str() {
                "x-amz-target" => target = value.trim().to_owned(),
                "content-length" => length = value.trim().parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let what = if target.is_empty() {
            body.split('&')
                .find_map(|part| part.strip_prefix("Action="))
                .unwrap_or("?")
                .to_owned()
        } else {
            target.rsplit('.').next().unwrap_or_default().to_owned()
        };
        let (status, answer) = answer(&what, &body);
        books.lock().ok()?.push((what, body));
        let date = date.lock().ok()?.clone();
        let date = date.map(|date| format!("date: {date}\r\n")).unwrap_or_default();
        let head = format!("HTTP/1.1 {status} x\r\n{date}content-length: {}\r\n\r\n", answer.len());
        writer.write_all(head.as_bytes()).ok()?;
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

fn answer(what: &str, body: &str) -> (u16, String) {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    match what {
        "DescribeStacks" if body.contains("StackName=acme") => (200, STACK.into()),
        "DescribeStacks" => (400, NO_STACK.into()),
        "GetCallerIdentity" => (200, CALLER.into()),
        "GenerateDataKey" => (
            200,
            json!({ "KeyId": "arn:app", "Plaintext": key, "CiphertextBlob": key }).to_string(),
        ),
        "Query" => (200, json!({ "Items": [], "Count": 0, "ScannedCount": 0 }).to_string()),
        "GetItem" | "TransactWriteItems" => (200, "{}".into()),
        _ => (
            400,
            json!({ "__type": "AccessDeniedException", "message": "not for you" }).to_string(),
        ),
    }
}

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}

const ADD: &str = "app add exact-nl --country nl --client-id 4711 --display-name Acme";

#[test]
fn an_app_is_added_from_the_shell() {
    let cloud = Cloud::start();
    let done = cloud.run(&format!("--json {ADD}"), "client-secret-hush\n");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    let added = document(&done.stdout);
    assert_eq!(
        added["application"]["redirect_uri"],
        "https://connect.acme.example/callback/exact-nl"
    );
    assert!(done.stderr.is_empty());
    let mut asked = cloud.asked();
    asked.sort();
    assert_eq!(
        asked,
        [
            "DescribeStacks",
            "GenerateDataKey",
            "GetCallerIdentity",
            "GetItem",
            "TransactWriteItems"
        ]
    );
    let books = cloud.asked.lock().unwrap();
    assert!(books.iter().all(|(_, body)| !body.contains("client-secret-hush")));
    let context = &books.iter().find(|(what, _)| what == "GenerateDataKey").unwrap().1;
    assert!(context.contains("acme"), "{context}");
}

#[test]
fn reading_asks_for_nobody_s_name() {
    let cloud = Cloud::start();
    let done = cloud.run("list", "");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "There is no such connection.\n");
    assert!(!cloud.asked().contains(&"GetCallerIdentity".to_owned()));
}

#[test]
fn a_failure_says_what_to_do_and_ends_with_one() {
    let cloud = Cloud::start();
    let id = "conn_01JD0000000000000000000000";
    let done = cloud.run(&format!("show {id}"), "");
    assert_eq!(done.status.code(), Some(1));
    assert!(done.stdout.is_empty());
    let text = String::from_utf8_lossy(&done.stderr);
    assert!(
        text.starts_with(&format!("handover: there is no connection {id}")),
        "{text}"
    );

    let done = cloud.run(&format!("show {id} --json"), "");
    assert_eq!(done.status.code(), Some(1));
    let error = document(&done.stderr);
    assert_eq!(error["kind"], "not_found");
    assert!(error["error"].as_str().unwrap().contains("handover list"));

    let done = cloud.run("list --stack other", "");
    assert_eq!(done.status.code(), Some(1));
    let text = String::from_utf8_lossy(&done.stderr);
    assert!(text.contains("there is no stack other in eu-central-1"), "{text}");
}

#[test]
fn a_bad_argument_ends_with_two() {
    let cloud = Cloud::start();
    for line in [
        "show conn_1",
        "--json show conn_1",
        "--stack= list",
        "--json --stack= list",
    ] {
        let done = cloud.run(line, "");
        assert_eq!(done.status.code(), Some(2), "{line}");
        assert!(done.stdout.is_empty(), "{line}");
        if line.contains("--json") {
            assert_eq!(document(&done.stderr)["kind"], "usage", "{line}");
        }
    }
    let done = cloud.run(ADD, "");
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("the client secret is empty"));
    let done = cloud.run("take conn_01JD0000000000000000000000", "");
    assert_eq!(done.status.code(), Some(1), "there is no such connection");
    assert_eq!(cloud.run("--help", "").status.code(), Some(0));
}

#[test]
fn http_is_accepted_only_in_so_many_words() {
    let cloud = Cloud::start();
    let local = ADD.replace("--country nl", "--host http://127.0.0.1:8450");
    let done = cloud.run(&local, "client-secret-hush");
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("--allow-http"));
    let done = cloud.run(&format!("{local} --allow-http"), "client-secret-hush");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn too_much_is_no_secret() {
    let done = Cloud::start().run(ADD, &"x".repeat(65 * 1024));
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("longer than 65536 bytes"));
}

#[test]
fn aws_out_of_reach_is_told_with_what_to_do() {
    let cloud = Cloud {
        address: "http://127.0.0.1:9".into(),
        date: Arc::default(),
        asked: Arc::default(),
    };
    let done = cloud.run("list --json", "");
    assert_eq!(done.status.code(), Some(1));
    let error = document(&done.stderr);
    assert_eq!(error["kind"], "unavailable");
    assert!(
        error["error"]
            .as_str()
            .unwrap()
            .contains("the stack acme in eu-central-1 could not be looked up"),
        "{error}"
    );
}

#[test]
fn a_wrong_clock_changes_nothing() {
    let cloud = Cloud::start();
    *cloud.date.lock().unwrap() = Some("Tue, 01 Dec 2020 08:00:00 GMT".into());
    let done = cloud.run(&format!("--json {ADD}"), "client-secret-hush\n");
    assert_eq!(done.status.code(), Some(1));
    let error = document(&done.stderr);
    assert_eq!(error["kind"], "refused");
    let text = error["error"].as_str().unwrap();
    assert!(text.contains("clock is") && text.contains("ahead of AWS's"), "{text}");
    assert!(!cloud.asked().contains(&"TransactWriteItems".to_owned()));
    // Looking is harmless.
    assert_eq!(cloud.run("list", "").status.code(), Some(0));
    *cloud.date.lock().unwrap() = Some("not a date".into());
    assert_eq!(cloud.run(ADD, "client-secret-hush").status.code(), Some(0));
}
