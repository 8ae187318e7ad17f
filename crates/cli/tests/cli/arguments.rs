use clap::{CommandFactory, Parser};
use handover_cli::args::{Arguments, Command, Whom};
use handover_core::{connection::PairFate, registration::Due};

fn refusal(line: &str) -> String {
    let words = std::iter::once("handover").chain(line.split_whitespace());
    let error = Arguments::try_parse_from(words).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

fn read(line: &str) -> Command {
    Arguments::try_parse_from(std::iter::once("handover").chain(line.split_whitespace()))
        .unwrap()
        .command
}

const ID: &str = "conn_01JD0000000000000000000000";
const APP: &str = "app add exact-nl --country nl --client-id 1 --display-name A";
const CONNECT: &str = "connect --app exact-nl --channel c --reference R --database d";

#[test]
fn the_definitions_hold_together() {
    Arguments::command().debug_assert();
}

#[test]
fn a_bad_argument_is_named_with_what_to_write() {
    for (line, told) in [
        (
            format!("show {}", ID.to_lowercase()),
            "is not a connection id (conn_ and 26 characters)",
        ),
        (format!("{CONNECT} --register-in 3days"), "such as 1d12h"),
        (
            format!("{CONNECT} --register-at 2026-12-01T09:00:00"),
            "2026-12-01T09:00:00+01:00, or Z for UTC",
        ),
        (
            format!("{CONNECT} --register-at tomorrow"),
            "such as 2026-12-01T09:00:00+01:00",
        ),
        (
            CONNECT.to_owned(),
            "--register-in <DURATION>|--register-at <TIME>|--register-now",
        ),
        (
            format!("{CONNECT} --register-now --register-in 3d"),
            "cannot be used with",
        ),
        (format!("{CONNECT} --register-now --link-days 0"), "--link-days"),
        (
            format!("{CONNECT} --register-now --return-url app.acme.example"),
            "such as https://app.acme.example/done",
        ),
        (
            format!("{CONNECT} --register-now --return-url javascript:alert(1)"),
            "write it in full",
        ),
        (
            format!("{CONNECT} --register-now --return-url https://user:pw@app.example/"),
            "write it in full",
        ),
        (
            "connect --app Exact --channel c --reference R --database d --register-now".into(),
            "such as `exact-nl`",
        ),
        (
            "app add exact-nl --client-id 1 --display-name A".into(),
            "<--host <URL>|--country <COUNTRY>>",
        ),
        (
            "app add exact-nl --client-id 1 --display-name A --country lu".into(),
            "use one of nl, be, de",
        ),
        (
            "app add exact-nl --client-id 1 --display-name A --country nl --return-origin https://a.example/x".into(),
            "is not an origin",
        ),
        (
            "app add exact-nl --client-id 1 --display-name A --country nl --client-secret hush".into(),
            "--client-secret",
        ),
        ("channel add c".into(), "<--assisted|--profile <FILE>>"),
        ("list --status done".into(), "use invited, authorized"),
        (format!("refused {ID} --reason x"), "<--spent|--unspent|--unknown>"),
        (format!("resolve {ID}"), "<--registered <SEGMENT>|--not-registered>"),
        (format!("resolve {ID} --registered d --spent"), "cannot be used with"),
        (format!("resolve {ID} --spent"), "--not-registered"),
        (
            format!("resolve {ID} --not-registered --spent --unspent"),
            "cannot be used with",
        ),
        (
            format!("put-back {ID} --reason x --attempt {ID}"),
            "is not an effect id",
        ),
        (format!("{APP} --warn 12h"), "whole days, one at least"),
        (format!("{APP} --warn 7d,"), "whole days, one at least"),
        (format!("{APP} --renew 0d"), "such as 7d or 2w, or never"),
        (format!("{APP} --retention 0d"), "whole days, one at least"),
        (format!("{APP} --pace 0"), "--pace"),
        ("list --expiring 7".into(), "such as 1d12h"),
        ("forget".into(), "<REFERENCE|CONNECTION>"),
        ("channel add c --assisted --yes".into(), "--replace"),
        ("take".into(), "<ID>"),
        (format!("take {ID} --rehearse"), "cannot be used with"),
    ] {
        let text = refusal(&line);
        assert!(text.contains(told), "{line}: {text}");
    }
}

#[test]
fn times_become_what_is_due() {
    let due = |more: &str| match read(&format!("{CONNECT} {more}")) {
        Command::Connect(args) => args.due.due(),
        other => panic!("{other:?}"),
    };
    assert_eq!(due("--register-in 1d12h"), Due::AfterConsent { seconds: 129_600 });
    assert_eq!(due("--register-now"), Due::AfterConsent { seconds: 0 });
    assert_eq!(
        due("--register-at 2026-12-01T09:00+01:00"),
        Due::At("2026-12-01T08:00:00Z".parse().unwrap())
    );
}

#[test]
fn what_nobody_knows_counts_as_unknown() {
    let fate = |more: &str| match read(&format!("resolve {ID} --not-registered {more}")) {
        Command::Resolve(args) => args.pair(),
        other => panic!("{other:?}"),
    };
    assert_eq!(fate(""), PairFate::Unknown);
    assert_eq!(fate("--spent"), PairFate::Spent);
    assert_eq!(fate("--unspent"), PairFate::Unspent);
}

#[test]
fn a_customer_or_a_connection_is_forgotten() {
    let whom = |text: &str| match read(&format!("forget {text}")) {
        Command::Forget(args) => args.whom,
        other => panic!("{other:?}"),
    };
    assert_eq!(whom(ID), Whom::Connection(ID.parse().unwrap()));
    for customer in ["4711", "conn_4711"] {
        assert_eq!(whom(customer), Whom::Customer(customer.parse().unwrap()));
    }
}

#[test]
fn what_holds_everywhere_may_stand_anywhere() {
    let read = |line: &str| Arguments::try_parse_from(line.split_whitespace()).unwrap().common;
    for line in ["handover --json --stack s list", "handover list --json --stack s"] {
        let common = read(line);
        assert!(common.json && common.stack.as_deref() == Some("s"), "{line}");
    }
}

/// As a shell splits it; pipes and redirections end the command.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == '<' || c == '|' || c == '#' => break,
            None if c == ' ' => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn the_examples_in_the_readme_are_understood() {
    let examples: Vec<&str> = include_str!("../../README.md")
        .lines()
        .filter(|line| line.starts_with("handover "))
        .collect();
    assert!(examples.len() > 10);
    for example in examples {
        Arguments::try_parse_from(words(example)).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}
