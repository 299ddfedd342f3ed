//! JUnit XML: the format of Apache Ant's reports, which every CI server reads, valid under Jenkins' schema.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;

use crate::suite::test_result::{Counts, Outcome, TestResult};
use crate::text::plain;

use super::Report;

/// Facts about the run itself.
#[derive(Clone, Debug)]
pub struct JunitRun {
    pub began: Timestamp,
    pub host: String,
}

type WriteResult = std::io::Result<()>;

/// One `testsuite` for each suite, in the order of the tests.
pub fn junit(report: &Report<'_>, run: &JunitRun) -> String {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut writer, report, run).expect("writing into memory does not fail");
    String::from_utf8(writer.into_inner()).expect("every part is text")
}

fn write(writer: &mut Writer<Vec<u8>>, report: &Report<'_>, run: &JunitRun) -> WriteResult {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer.write_event(Event::Start(BytesStart::new("testsuites")))?;
    let of_one_suite = |a: &TestResult, b: &TestResult| a.suite == b.suite && a.file == b.file;
    for (number, tests) in report.ran.tests.chunk_by(of_one_suite).enumerate() {
        suite(writer, number, tests, run)?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn suite(writer: &mut Writer<Vec<u8>>, number: usize, tests: &[TestResult], run: &JunitRun) -> WriteResult {
    let counts = Counts::of(tests);
    let took: Duration = tests.iter().map(|tested| tested.took).sum();
    let began = run.began.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let (file, name) = (clean(&tests[0].file), clean(&tests[0].suite));
    let attributes = [
        ("name", name.as_str()),
        ("package", &file),
        ("id", &number.to_string()),
        ("timestamp", &began),
        ("hostname", &clean(&run.host)),
        ("tests", &counts.total().to_string()),
        ("failures", &counts.failed.to_string()),
        ("errors", &counts.broken.to_string()),
        ("time", &seconds(took)),
    ];
    let mut start = BytesStart::new("testsuite");
    attributes.into_iter().for_each(|attribute| start.push_attribute(attribute));
    // The oldest schema does not allow this attribute, so it is written only when needed.
    let skipped = counts.skipped + counts.disputed;
    if skipped > 0 {
        start.push_attribute(("skipped", skipped.to_string().as_str()));
    }
    writer.write_event(Event::Start(start))?;
    writer.write_event(Event::Start(BytesStart::new("properties")))?;
    let mut property = BytesStart::new("property");
    property.push_attribute(("name", "file"));
    property.push_attribute(("value", file.as_str()));
    writer.write_event(Event::Empty(property))?;
    writer.write_event(Event::End(BytesEnd::new("properties")))?;
    for tested in tests {
        case(writer, tested)?;
    }
    writer.write_event(Event::Empty(BytesStart::new("system-out")))?;
    writer.write_event(Event::Empty(BytesStart::new("system-err")))?;
    writer.write_event(Event::End(BytesEnd::new("testsuite")))
}

fn case(writer: &mut Writer<Vec<u8>>, tested: &TestResult) -> WriteResult {
    let mut start = BytesStart::new("testcase");
    start.push_attribute(("name", clean(&tested.name).as_str()));
    start.push_attribute(("classname", clean(&tested.suite).as_str()));
    start.push_attribute(("time", seconds(tested.took).as_str()));
    let place = format!("{}:{}", tested.file, tested.at);
    let (element, kind, message) = match &tested.outcome {
        Outcome::Pass => return writer.write_event(Event::Empty(start)),
        Outcome::Skip(reason) => ("skipped", None, reason.clone()),
        Outcome::Broken(why) => ("error", Some("broken"), why.clone()),
        Outcome::Fail { expected, got, because } => {
            let message = format!("expected {expected}, got {got} {because}");
            if tested.disputed { ("skipped", None, message) } else { ("failure", Some("verdict"), message) }
        }
    };
    writer.write_event(Event::Start(start))?;
    let mut inner = BytesStart::new(element);
    if let Some(kind) = kind {
        inner.push_attribute(("message", clean(&message).as_str()));
        inner.push_attribute(("type", kind));
    }
    writer.write_event(Event::Start(inner))?;
    writer.write_event(Event::Text(BytesText::new(&clean(&format!("{place}: {message}")))))?;
    writer.write_event(Event::End(BytesEnd::new(element)))?;
    writer.write_event(Event::End(BytesEnd::new("testcase")))
}

/// Replaces characters that XML cannot hold, and collapses white space as an `xs:token` requires.
fn clean(text: &str) -> String {
    let held = |c: char| matches!(c, '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    let kept: String = text.chars().map(|c| if held(c) { c } else { ' ' }).collect();
    plain(&kept.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

fn seconds(took: Duration) -> String {
    format!("{:.6}", took.as_secs_f64())
}
