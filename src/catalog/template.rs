//! ARN templates as the vendor prints them, and filling them from a call.

use crate::ram::{Parameters, Region};
use ram_policy::{AccountId, Resource};

use super::parameter::NamePattern;

/// One resource type that an operation is judged on.
#[derive(Clone, Debug)]
pub struct ResourceSpec {
    /// The type as the vendor names it, `NetworkInterface`.
    pub kind: String,
    pub template: Template,
    /// Whether it is judged only if the parameter that names it is present.
    pub optional: bool,
}

/// An ARN template, `acs:ecs:{#regionId}:{#accountId}:eni/{#eniId}`, or `*` if RAM cannot restrict the operation to
/// resources.
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
pub(super) enum TemplateError {
    #[error("the placeholder `{{#{0}}}` is unknown: bind it to a parameter, or use `regionId` or `accountId`")]
    Unknown(String),
    #[error("the placeholder at `{0}` is not closed: write `{{#name}}`")]
    Open(String),
    #[error("`{0}` is bound but the template does not use it")]
    Unused(String),
    #[error("`{0}` is filled by two parameters: use one")]
    TwoParameters(String),
    #[error("`{0}` is not a valid ARN once its placeholders are filled")]
    NoArn(String),
}

/// A parameter's value contains characters that must not become part of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArnValueError {
    pub(super) parameter: String,
}

impl Template {
    /// Reads a template. `bound` gives the parameter that fills a placeholder.
    pub(super) fn read<'a>(text: &str, bound: impl Fn(&str) -> Option<&'a str>) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once("{#") {
            let (name, after) = tail.split_once('}').ok_or_else(|| TemplateError::Open(tail.to_owned()))?;
            pieces.push(Piece::Literal(literal.to_owned()));
            pieces.push(match (name, bound(name)) {
                ("regionId", _) => Piece::Region,
                ("accountId", _) => Piece::Account,
                (_, Some(parameter)) => Piece::Parameter(NamePattern::new(parameter.to_owned())),
                (name, None) => return Err(TemplateError::Unknown(name.to_owned())),
            });
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        let template = Self { text: text.to_owned(), pieces };
        if template.parameters().count() > 1 {
            return Err(TemplateError::TwoParameters(text.to_owned()));
        }
        let sample = template.fill_with("cn-hangzhou", "1", |_| "x");
        sample.parse::<Resource>().map_err(|_| TemplateError::NoArn(text.to_owned()))?;
        Ok(template)
    }

    /// The template as the vendor prints it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &NamePattern> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Parameter(name) => Some(name),
            _ => None,
        })
    }

    /// The resources that a call names: one, or one for each element of a list; none if the call lacks the parameter.
    pub(super) fn fill(
        &self,
        region: &Region,
        account: &AccountId,
        parameters: &Parameters,
    ) -> Result<Vec<Resource<'static>>, ArnValueError> {
        let Some(name) = self.parameters().next() else {
            let text = self.fill_with(region.as_str(), account.as_str(), |_| "");
            return Ok(text.parse().into_iter().collect());
        };
        let named = parameters.iter().filter(|given| name.matches(given.name) && !given.value.is_empty());
        named
            .map(|given| {
                let unfit = || ArnValueError { parameter: given.name.to_owned() };
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

/// Whether a value is free of characters that have a meaning in an ARN or a pattern.
fn is_plain_id(value: &str) -> bool {
    (1..=64).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
