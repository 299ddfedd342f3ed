//! ARN templates as the vendor prints them, and how a call fills them.

use crate::ram::{AccountId, Parameters, Region, Resource};

use super::parameter::NamePattern;

/// One resource type that an operation is judged on.
#[derive(Clone, Debug)]
pub struct ResourceSpec {
    /// The type as the vendor names it, `NetworkInterface`.
    pub kind: String,
    pub template: Template,
    /// Judged only when the parameter that names it is present.
    pub optional: bool,
}

/// `acs:ecs:{#regionId}:{#accountId}:eni/{#eniId}`, or `*` where RAM cannot narrow the operation.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    Region,
    Account,
    Parameter(NamePattern),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateFault {
    #[error("the placeholder `{{#{0}}}` is unknown: bind it to a parameter, or use `regionId` or `accountId`")]
    Unknown(String),
    #[error("the placeholder at `{0}` is not closed: write `{{#name}}`")]
    Open(String),
    #[error("`{0}` is bound and the template does not use it")]
    Unused(String),
    #[error("`{0}` is filled by two parameters: one names a resource")]
    TwoParameters(String),
    #[error("`{0}` is no ARN once its placeholders are filled")]
    NoArn(String),
}

/// A value that must not become part of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnfitValue {
    pub(super) parameter: String,
}

impl Template {
    /// Reads a template. `bound` says which parameter fills a placeholder.
    pub(super) fn read<'a>(text: &str, bound: impl Fn(&str) -> Option<&'a str>) -> Result<Self, TemplateFault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once("{#") {
            let (name, after) = tail.split_once('}').ok_or_else(|| TemplateFault::Open(tail.to_owned()))?;
            pieces.push(Piece::Literal(literal.to_owned()));
            pieces.push(match (name, bound(name)) {
                ("regionId", _) => Piece::Region,
                ("accountId", _) => Piece::Account,
                (_, Some(parameter)) => Piece::Parameter(NamePattern::new(parameter.to_owned())),
                (name, None) => return Err(TemplateFault::Unknown(name.to_owned())),
            });
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        let template = Self { text: text.to_owned(), pieces };
        if template.parameters().count() > 1 {
            return Err(TemplateFault::TwoParameters(text.to_owned()));
        }
        let sample = template.fill_with("cn-hangzhou", "1", |_| "x");
        sample.parse::<Resource>().map_err(|_| TemplateFault::NoArn(text.to_owned()))?;
        Ok(template)
    }

    /// The template as printed.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &NamePattern> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(name),
            _ => None,
        })
    }

    /// The resources a call names: one, none (an optional one), or one for each element of a list.
    pub(super) fn fill(
        &self,
        region: &Region,
        account: &AccountId,
        parameters: &Parameters,
    ) -> Result<Vec<Resource<'static>>, UnfitValue> {
        let Some(name) = self.parameters().next() else {
            let text = self.fill_with(region.as_str(), account.as_str(), |_| "");
            return Ok(text.parse().into_iter().collect());
        };
        let named = parameters.iter().filter(|given| name.matches(given.name) && !given.value.is_empty());
        named
            .map(|given| {
                let unfit = || UnfitValue { parameter: given.name.to_owned() };
                if !is_plain_id(given.value) {
                    return Err(unfit());
                }
                let text = self.fill_with(region.as_str(), account.as_str(), |_| given.value);
                text.parse().map_err(|_| unfit())
            })
            .collect()
    }

    fn fill_with<'a>(&'a self, region: &'a str, account: &'a str, value: impl Fn(&NamePattern) -> &'a str) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.as_str(),
                Piece::Region => region,
                Piece::Account => account,
                Piece::Parameter(name) => value(name),
            })
            .collect()
    }
}

/// An id without anything that means something in an ARN or a pattern.
fn is_plain_id(value: &str) -> bool {
    (1..=64).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
