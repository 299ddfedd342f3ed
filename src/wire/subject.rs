//! The subject of an X.509 certificate as text (RFC 2253, the form that `openssl x509 -nameopt RFC2253` prints).
//!
//! Parses only as much of the certificate as the subject needs. The TLS library has already verified the signature.

use std::fmt::Write;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
/// UTF8String, PrintableString, IA5String. The other string types are obsolete and have encodings of their own.
const STRINGS: [u8; 3] = [0x0c, 0x13, 0x16];
const EXPLICIT_VERSION: u8 = 0xa0;

/// The names of known attributes, by their encoded object id.
const NAMES: [(&[u8], &str); 11] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

/// The subject, last attribute first: `CN=terway,O=netops`. `None` if it contains something without an unambiguous text
/// form: an unknown attribute, a multi-valued one, an obsolete string type or control characters.
pub fn certificate_subject(der: &[u8]) -> Option<String> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&EXPLICIT_VERSION) {
        rest = any(rest)?.2;
    }
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        rest = any(rest)?.2;
    }
    let (mut subject, _) = element(rest, SEQUENCE)?;
    let mut attributes = Vec::new();
    while !subject.is_empty() {
        let (set, after) = element(subject, SET)?;
        attributes.push(attribute(set)?);
        subject = after;
    }
    attributes.reverse();
    Some(attributes.join(","))
}

/// The only attribute of a set.
fn attribute(set: &[u8]) -> Option<String> {
    let (pair, more) = element(set, SEQUENCE)?;
    let (id, value) = element(pair, OBJECT_ID)?;
    let (tag, text, after) = any(value)?;
    let (_, name) = NAMES.iter().find(|(known, _)| *known == id)?;
    let text = str::from_utf8(text).ok().filter(|_| STRINGS.contains(&tag))?;
    if !more.is_empty() || !after.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    let mut shown = format!("{name}=");
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.bytes().enumerate() {
        let at_an_end = byte == b' ' && (at == 0 || at == last) || byte == b'#' && at == 0;
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => write!(shown, "\\{}", char::from(byte)),
            _ if at_an_end => write!(shown, "\\{}", char::from(byte)),
            0x20..=0x7e => write!(shown, "{}", char::from(byte)),
            _ => write!(shown, "\\{byte:02X}"),
        }
        .expect("writing to a string");
    }
    Some(shown)
}

/// The content of an element with this tag, and the bytes after it.
fn element(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    any(der).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

fn any(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;

    fn certificate(attributes: &[(DnType, DnValue)]) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn subject(attributes: &[(DnType, &str)]) -> Option<String> {
        let utf8 = |(kind, text): &(DnType, &str)| (kind.clone(), DnValue::Utf8String((*text).to_owned()));
        certificate_subject(&certificate(&attributes.iter().map(utf8).collect::<Vec<_>>()))
    }

    #[test]
    fn a_subject_is_written_from_its_last_attribute_to_its_first() {
        use DnType::{CommonName, CountryName, OrganizationName};
        let netops = (OrganizationName, "netops");
        assert_eq!(subject(&[netops.clone(), (CommonName, "terway")]).as_deref(), Some("CN=terway,O=netops"));
        assert_eq!(subject(&[(CountryName, "CN"), netops]).as_deref(), Some("O=netops,C=CN"));
        assert_eq!(subject(&[(CommonName, "a,O=b+\"c\\")]).as_deref(), Some(r#"CN=a\,O=b\+\"c\\"#));
        assert_eq!(subject(&[(CommonName, " #é ")]).as_deref(), Some(r"CN=\ #\C3\A9\ "));
        assert_eq!(subject(&[]).as_deref(), Some(""));
        assert_eq!(subject(&[(CommonName, "a\0b")]), None);
        assert_eq!(subject(&[(DnType::CustomDnType(vec![1, 2, 3]), "x")]), None);
        let old = (CommonName, DnValue::BmpString("ab".try_into().unwrap()));
        assert_eq!(certificate_subject(&certificate(&[old])), None);
    }

    /// The certificate and its text were made by OpenSSL.
    #[test]
    fn a_subject_is_what_openssl_prints() {
        use base64::Engine;
        let pem = include_str!("../../tests/fixtures/certificates/subject.pem");
        let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        let printed = include_str!("../../tests/fixtures/certificates/subject.txt");
        assert_eq!(certificate_subject(&der).as_deref(), Some(printed.trim_end_matches('\n')));
    }

    #[test]
    fn a_certificate_that_is_cut_has_no_subject_or_the_whole_one() {
        let whole = certificate(&[(DnType::CommonName, DnValue::Utf8String("terway".to_owned()))]);
        for cut in 0..whole.len() {
            assert_eq!(certificate_subject(&whole[..cut]), None, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_subject_or_none(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = certificate_subject(&bytes);
            let mut corrupted = certificate_once().to_vec();
            let at = at.index(corrupted.len());
            corrupted[at] = byte;
            let _ = certificate_subject(&corrupted);
        }
    }

    fn certificate_once() -> &'static [u8] {
        static ONE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        ONE.get_or_init(|| certificate(&[(DnType::CommonName, DnValue::Utf8String("terway".to_owned()))]))
    }
}
