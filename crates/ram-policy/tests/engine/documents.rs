//! Documents that load, and documents that do not: the titles and the places of their diagnostics.

use ram_policy::{Diagnostic, Document, Effect, Source, Statement};

fn parse(text: &str) -> Result<Document, Vec<Diagnostic>> {
    Document::parse("p", &Source::new("p.json", text))
}

/// A document with one statement: `Effect` and the given elements.
fn with(elements: &str) -> String {
    format!("{{\"Version\":\"1\",\"Statement\":[\n{{\"Effect\":\"Allow\",{elements}}}]}}")
}

/// A document with one statement: an action, a resource and this Condition block.
fn under(condition: &str) -> String {
    with(&format!("\"Action\":\"*\",\"Resource\":\"*\",\n\"Condition\":{condition}"))
}

/// Checks title, line:column, and a fragment of the title of each diagnostic.
fn check(text: &str, expected: &[(&str, &str, &str)]) {
    let diagnostics = parse(text).map(|_| ()).unwrap_err();
    let found: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
    for (diagnostic, (title, place, piece)) in diagnostics.iter().zip(expected) {
        assert!(diagnostic.title.starts_with(&format!("{title}: ")), "{diagnostic}");
        assert_eq!(diagnostic.position().unwrap().to_string(), *place, "{diagnostic}");
        assert!(diagnostic.title.contains(piece), "{diagnostic}\ndoes not contain {piece}");
        assert!(!diagnostic.help.is_empty() && !diagnostic.help.ends_with('.') && !diagnostic.title.ends_with('.'));
    }
}

#[test]
fn broken_json_is_refused() {
    const TITLE: &str = "Json syntax error";
    check("", &[(TITLE, "1:1", "EOF")]);
    check("{\n  \"Version\": \"1\",\n}", &[(TITLE, "3:1", "trailing comma before `}`")]);
    check("{\n  // no\n}", &[(TITLE, "2:3", "// no")]);
    check("{\"Version\":\"1\" \"Statement\":[]}", &[(TITLE, "1:16", "Statement")]);
    check("\u{feff}{}", &[(TITLE, "1:1", "byte order mark")]);
    check("{\u{a0}\"Version\":\"1\"}", &[(TITLE, "1:2", "")]);
    check("{} {}", &[(TITLE, "1:4", "trailing characters")]);
    check("{\"a\":\"\\ud800\"}", &[(TITLE, "1:13", "hex escape")]);
    let deep = "[".repeat(100_000);
    assert!(parse(&deep).unwrap_err()[0].title.contains("recursion limit"));
}

#[test]
fn a_repeated_key_is_refused_at_any_depth() {
    let text = under("{\"Bool\":{\"acs:MFAPresent\":\"true\",\"acs:MFAPresent\":\"false\"}}");
    check(&text, &[("Json syntax error", "3:46", "`acs:MFAPresent` at `/Statement/0/Condition/Bool` occurs twice")]);
    check(
        &with("\"Action\":\"*\",\"Resource\":\"*\",\n\"Effect\":\"Deny\""),
        &[("Json syntax error", "3:1", "`Effect` at `/Statement/0` occurs twice in one object, first at 2:2")],
    );
    check(
        "{\"Version\":\"1\",\"V\\u0065rsion\":\"1\",\"Statement\":[]}",
        &[("Json syntax error", "1:16", "twice"), ("Invalid policy element", "1:47", "empty list")],
    );
}

#[test]
fn a_policy_of_the_wrong_shape_is_refused() {
    let statement = "[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]";
    let version = |version: &str| format!("{{\"Version\":{version},\"Statement\":{statement}}}");
    for wrong in ["\"2012-10-17\"", "1", "\"\"", "null", "[\"1\"]"] {
        check(&version(wrong), &[("Invalid version", "1:12", "at `/Version` is not the string \"1\"")]);
    }
    check(&format!("{{\"Statement\":{statement}}}"), &[("Invalid version", "1:1", "`Version` is missing")]);
    check("{\"Version\":\"1\"}", &[("Invalid policy element", "1:1", "`Statement` is missing")]);
    check("{\"Version\":\"1\",\"Statement\":[]}", &[("Invalid policy element", "1:28", "empty list")]);
    check("{\"Version\":\"1\",\"Statement\":{}}", &[("Data type mismatch", "1:28", "is not a list")]);
    check("{\"Version\":\"1\",\"Statement\":[7]}", &[("Data type mismatch", "1:29", "`7` at `/Statement/0`")]);
    check("[]", &[("Data type mismatch", "1:1", "`[]` is not an object")]);
    let text = format!("{{\"Version\":\"1\",\"Id\":\"x\",\"Statement\":{statement}}}");
    check(&text, &[("Invalid policy element", "1:16", "`Id` at `/Id`")]);
}

#[test]
fn a_statement_of_the_wrong_shape_is_refused() {
    let rest = "\"Action\":\"*\",\"Resource\":\"*\"";
    for element in ["Principal", "NotPrincipal", "NotResource", "action", "Id"] {
        let text = with(&format!("{rest},\"{element}\":\"*\""));
        check(&text, &[("Invalid policy element", "2:47", &format!("`{element}` at `/Statement/0/{element}`"))]);
    }
    for effect in ["\"allow\"", "\"Allow \"", "true", "[\"Allow\"]"] {
        let text = format!("{{\"Version\":\"1\",\"Statement\":[{{\"Effect\":{effect},{rest}}}]}}");
        check(&text, &[("Invalid effect", "1:39", "at `/Statement/0/Effect`")]);
    }
    let text = format!("{{\"Version\":\"1\",\"Statement\":[{{{rest}}}]}}");
    check(&text, &[("Invalid effect", "1:29", "`Effect` at `/Statement/0` is missing")]);
    check(&with("\"Resource\":\"*\""), &[("Missing action", "2:1", "`Action` at `/Statement/0` is missing")]);
    check(&with("\"Action\":\"*\""), &[("Invalid policy element", "2:1", "`Resource` at `/Statement/0` is missing")]);
    let text = with("\"Action\":\"*\",\"NotAction\":\"*\",\"Resource\":\"*\"");
    check(
        &text,
        &[("Invalid policy element", "2:44", "`NotAction` at `/Statement/0/NotAction` cannot be combined with Action")],
    );
    check(&with(&format!("{rest},\"Sid\":1")), &[("Data type mismatch", "2:53", "`1` at `/Statement/0/Sid`")]);
}

#[test]
fn a_malformed_action_is_refused() {
    let action = |action: &str| with(&format!("\"Action\":{action},\"Resource\":\"*\""));
    check(&action("[]"), &[("Missing action", "2:28", "empty list")]);
    check(&action("7"), &[("Data type mismatch", "2:28", "is not a string")]);
    check(&action("[\"*\",null]"), &[("Data type mismatch", "2:33", "`null` at `/Statement/0/Action/1`")]);
    for (wrong, piece) in [
        ("AttachNetworkInterface", "`AttachNetworkInterface` at `/Statement/0/Action` has no service"),
        ("", "has no service"),
        ("**", "has no service"),
        ("ecs:", "empty service or name"),
        (":Attach", "empty service or name"),
        ("ecs:a:b", "contains `:`"),
        ("ecs:[x]", "contains `[`"),
        ("ecs: Attach", "character U+0020"),
        ("ecs:Attach\u{200b}", "character U+200B"),
        ("ecs:Attach\\n", "character U+000A"),
    ] {
        check(&action(&format!("\"{wrong}\"")), &[("Invalid action format", "2:28", piece)]);
    }
}

#[test]
fn a_malformed_resource_is_refused() {
    let resource = |resource: &str| with(&format!("\"Action\":\"*\",\"Resource\":{resource}"));
    check(&resource("[]"), &[("Invalid policy element", "2:43", "empty list")]);
    check(&resource("{}"), &[("Data type mismatch", "2:43", "`{}` at `/Statement/0/Resource` is not a string")]);
    for (wrong, title, piece) in [
        ("arn:aws:ec2:*:*:x", "Invalid ARN prefix", "`arn:aws:ec2:*:*:x` at `/Statement/0/Resource/0` does not start"),
        ("*:ecs:*:*:*", "Invalid ARN prefix", "does not start with `acs:`"),
        ("", "Invalid ARN prefix", "``"),
        ("acs:ecs:*:eni/*", "Missing ARN field", "has 4 fields"),
        ("acs:*", "Missing ARN field", "has 2 fields"),
        ("acs:ecs:*:*:", "Missing ARN field", "ends before its relative id"),
        ("acs:ecs:*:*:eni /*", "Invalid policy element", "character U+0020"),
        (" *", "Invalid policy element", "character U+0020"),
    ] {
        check(&resource(&format!("[\"{wrong}\"]")), &[(title, "2:44", piece)]);
    }
}

#[test]
fn a_malformed_condition_is_refused() {
    check(&under("[]"), &[("Data type mismatch", "3:13", "`[]` at `/Statement/0/Condition`")]);
    check(&under("{\"Bool\":\"true\"}"), &[("Data type mismatch", "3:21", "at `/Statement/0/Condition/Bool`")]);
    for operator in ["BoolIfExists", "Null", "ForAnyValue:StringLike", "ArnLike", "bool", "BinaryEquals"] {
        let text = under(&format!("{{\"{operator}\":{{\"acs:MFAPresent\":\"true\"}}}}"));
        check(&text, &[("Invalid condition operator", "3:14", &format!("`{operator}` at"))]);
    }
    for (key, piece) in [("MFAPresent", ""), ("acs:MFA Present", "U+0020"), ("acs:", ""), ("", "")] {
        let text = under(&format!("{{\"Bool\":{{\"{key}\":\"true\"}}}}"));
        check(&text, &[("Invalid condition key format", "3:22", piece)]);
    }
    let pointer = "`` at `/Statement/0/Condition/NumericEquals/acs:ResourceTag~1n`";
    check(&under("{\"NumericEquals\":{\"acs:ResourceTag/n\":\"\"}}"), &[("Data type mismatch", "3:51", pointer)]);
    for (operator, value) in [
        ("NumericLessThan", "\"ten\""),
        ("DateLessThan", "\"2026-03-01\""),
        ("DateLessThan", "\"1767225600\""),
        ("Bool", "\"yes\""),
        ("Bool", "true"),
        ("IpAddress", "\"*\""),
        ("IpAddress", "\"10.0.0.0/64\""),
        ("StringEquals", "7"),
        ("StringEquals", "[]"),
        ("StringEquals", "{}"),
    ] {
        let text = under(&format!("{{\"{operator}\":{{\n\"acs:X\":{value}}}}}"));
        check(&text, &[("Data type mismatch", "4:9", "at `/Statement/0/Condition/")]);
    }
    let text = under("{\"Bool\":{\"acs:X\":[\"true\",\"false\"]}}");
    check(&text, &[("Invalid condition multiple Boolean", "3:30", "more than one value")]);
}

#[test]
fn all_errors_are_reported_at_once() {
    check(
        "{\"Version\":\"2\",\n\"Statement\":[\n{\"Effect\":\"allow\",\"Action\":[\"x\",\"y\"]},\n{\"Effect\":\"Deny\",\"Principal\":{},\"Action\":\"*\",\"Resource\":\"a\"}]}",
        &[
            ("Invalid version", "1:12", "`2`"),
            ("Invalid policy element", "3:1", "`Resource`"),
            ("Invalid effect", "3:11", "`allow`"),
            ("Invalid action format", "3:29", "`x`"),
            ("Invalid action format", "3:33", "`y`"),
            ("Invalid policy element", "4:18", "`Principal`"),
            ("Invalid ARN prefix", "4:57", "`a`"),
        ],
    );
}

#[test]
fn a_valid_document_is_read_completely() {
    let text = "{\"Version\":\"1\",\"Statement\":[\n\
        {\"Sid\":\"One\",\"Effect\":\"Allow\",\"Action\":[\"*:Describe*\",\"ecs:*\"],\"Resource\":\"acs:ecs:*:*:*\",\"Condition\":{}},\n\
        {\"Effect\":\"Deny\",\"NotAction\":\"*\",\"Resource\":[\"acs:ecs::1:eni/*\",\"*\"],\"Condition\":{\
        \"StringLike\":{\"acs:ResourceTag/opc:managed\":[\"a\",\"b\"],\"ecs:tag/x\":\"y\"},\"Bool\":{\"acs:SecureTransport\":[\"True\"]}}}]}";
    let document = parse(text).unwrap();
    assert_eq!((document.name(), document.file()), ("p", "p.json"));
    let [first, second] = document.statements() else { panic!() };
    assert_eq!((first.effect(), first.sid(), first.index(), first.line()), (Effect::Allow, Some("One"), 0, 2));
    assert_eq!((second.effect(), second.sid(), second.index(), second.line()), (Effect::Deny, None, 1, 3));
    assert_eq!((first.conditions().len(), second.conditions().len()), (0, 3));
}

#[test]
fn the_digest_is_of_the_text() {
    let document =
        parse("{\"Version\":\"1\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}")
            .unwrap();
    let expected = "sha256:861a46538e9aec53c4a474f3b9cee3b816341059caf34222424c6a65451c9838";
    assert_eq!(document.digest().to_string(), expected);
}

/// Escaped keys do not change the lines of statements.
#[test]
fn statements_have_the_lines_of_their_braces() {
    let text = "\n{ \"Version\" : \"1\",\n \"Statement\":\n[\n\n{\"Sid\":\"a{b\",\n\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}\n, {\n\"Resource\":\"*\",\"Effect\":\"Deny\",\n\"NotAction\":[\"ecs:*\"]}]}";
    let escaped = text.replace("\"Resource\"", "\"R\\u0065source\"").replace("\"Sid\"", "\"S\\u0069d\"");
    let lines = |text: &str| parse(text).unwrap().statements().iter().map(Statement::line).collect::<Vec<_>>();
    assert_eq!(lines(text), [6, 8]);
    assert_eq!(lines(&escaped), [6, 8]);
    let first = "{\"Version\":\"1\",\"Statement\":[{\"S\\u0069d\":\n\"a{b\",\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";
    assert_eq!(lines(first), [1]);
}
