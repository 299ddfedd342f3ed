//! Subjects of client certificates.

use ramgate::testing::wire::certificate_subject as read;

/// Object ids of some attributes, and their names in a subject.
const ATTRIBUTES: [(&[u8], &str); 4] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
];

/// An object id with its name in a subject, and a value.
type Attribute<'a> = ((&'static [u8], &'static str), &'a [u8]);

/// A subject is text that can be parsed in only one way, and its values occur in the certificate. Input that does not begin
/// like DER describes attributes to make a certificate from: a byte that selects a name, a byte for the length, the value.
pub(crate) fn certificate_subject(data: &[u8]) {
    if data.first() == Some(&0x30) {
        if let Some(subject) = read(data) {
            for (_, value) in read_back(&subject) {
                let value = value.as_bytes();
                assert!(value.is_empty() || data.windows(value.len()).any(|part| part == value), "{subject:?}");
            }
        }
        return;
    }
    let mut attributes = Vec::new();
    let mut rest = data;
    while let [kind, length, after @ ..] = rest {
        let (value, after) = after.split_at(after.len().min(usize::from(*length)));
        attributes.push((ATTRIBUTES[usize::from(*kind) % ATTRIBUTES.len()], value));
        rest = after;
    }
    let plain = |value: &[u8]| str::from_utf8(value).ok().filter(|text| !text.chars().any(char::is_control)).is_some();
    let subject = read(&certificate(&attributes));
    assert_eq!(subject.is_some(), attributes.iter().all(|(_, value)| plain(value)), "plain text has a subject");
    if let Some(subject) = subject {
        let written =
            attributes.iter().rev().map(|((_, name), value)| (*name, str::from_utf8(value).unwrap().to_owned()));
        assert!(written.eq(read_back(&subject)), "{subject:?}");
    }
}

/// The parts of a certificate up to its subject. The ignored ones are empty.
fn certificate(attributes: &[Attribute<'_>]) -> Vec<u8> {
    let attribute =
        |((id, _), value): &Attribute<'_>| der(0x31, &der(0x30, &[der(0x06, id), der(0x0c, value)].concat()));
    let subject = der(0x30, &attributes.iter().flat_map(attribute).collect::<Vec<_>>());
    let before = [der(0xa0, &der(0x02, &[2])), der(0x02, &[1]), der(0x30, &[]), der(0x30, &[]), der(0x30, &[])];
    der(0x30, &der(0x30, &[before.concat(), subject].concat()))
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    match content.len() {
        0..=0x7f => [&[tag, length[3]], content].concat(),
        0x80..=0xff => [&[tag, 0x81, length[3]], content].concat(),
        0x100..=0xffff => [&[tag, 0x82, length[2], length[3]], content].concat(),
        _ => [&[tag, 0x83, length[1], length[2], length[3]], content].concat(),
    }
}

/// Names and values of a subject as RFC 2253 has it read.
fn read_back(subject: &str) -> Vec<(&str, String)> {
    let mut pairs = Vec::new();
    let mut rest = subject;
    while !rest.is_empty() {
        let (name, mut text) = rest.split_once('=').expect("an attribute has a name");
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()), "a name: {subject:?}");
        let mut value = Vec::new();
        let mut ends_in_blank = false;
        assert!(!text.starts_with([' ', '#']), "what begins a value is escaped: {subject:?}");
        loop {
            match text.as_bytes() {
                [] => break,
                [b',', after @ ..] => {
                    assert!(!after.is_empty(), "an attribute follows: {subject:?}");
                    break;
                }
                [b'\\', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    value.push(u8::from_str_radix(&text[1..3], 16).unwrap());
                    (text, ends_in_blank) = (&text[3..], false);
                }
                [b'\\', escaped, ..] => {
                    value.push(*escaped);
                    (text, ends_in_blank) = (&text[2..], false);
                }
                [byte, ..] => {
                    assert!(byte.is_ascii() && !b"+\"<>;".contains(byte), "{byte:?} is escaped: {subject:?}");
                    value.push(*byte);
                    (text, ends_in_blank) = (&text[1..], *byte == b' ');
                }
            }
        }
        assert!(!ends_in_blank, "a blank at an end is escaped: {subject:?}");
        let value = String::from_utf8(value).expect("a value is text");
        assert!(!value.chars().any(char::is_control), "{subject:?}");
        pairs.push((name, value));
        rest = text.strip_prefix(',').unwrap_or(text);
    }
    pairs
}
