//! The strict grammar of identity policies: from the JSON tree to statements, with a diagnostic for every error
//! (`docs/spec/ram-policy.md` 1.1-1.3).

use std::sync::Arc;

use jsonc_parser::ast::{Object, Value};

use crate::document::json::{Pointer, span};
use crate::document::reader::{Place, Reader, Text, member, string};
use crate::language::condition::{Condition, Key};
use crate::language::effect::Effect;
use crate::language::error::{Refusal, Title};
use crate::language::glob::Glob;
use crate::language::operator::{Comparison, Operator};
use crate::language::pattern::{ArnPattern, Heads, parse_action};
use crate::language::statement::{Actions, Conditions, Resources, Statement};
use crate::language::value::ConditionValue;

const HELP_STATEMENT: &str = "write `\"Statement\": [ { … } ]` with at least one statement";
const HELP_ELEMENT: &str =
    "a statement of an identity policy has Effect, Action or NotAction, Resource, and optionally Condition and Sid";

impl Reader<'_> {
    /// The statements of an identity, control or session policy.
    pub(crate) fn policy(&mut self, tree: &Value<'_>) -> Vec<Statement> {
        self.statements(tree, Self::statement)
    }

    /// The statements of any policy, each read by `read`.
    pub(crate) fn statements<T>(
        &mut self,
        tree: &Value<'_>,
        mut read: impl FnMut(&mut Self, usize, &Place<'_>) -> Option<T>,
    ) -> Vec<T> {
        let top = Place { value: tree, pointer: Pointer::default() };
        let Some(object) = self.object(&top, "write `{ \"Version\": \"1\", \"Statement\": [ … ] }`") else {
            return Vec::new();
        };
        self.refuse_others(object, &top.pointer, &["Version", "Statement"], "a policy has Version and Statement only");
        self.version(object, &top);
        let Some(list) = member(object, &top, "Statement") else {
            self.missing(&top, Title::InvalidPolicyElement, "Statement", HELP_STATEMENT);
            return Vec::new();
        };
        let Some(array) = self.array(&list, HELP_STATEMENT) else { return Vec::new() };
        if array.elements.is_empty() {
            self.refuse_empty(&list, Title::InvalidPolicyElement, HELP_STATEMENT);
        }
        let statements = array.elements.iter().enumerate();
        statements
            .filter_map(|(index, value)| read(self, index, &Place { value, pointer: list.pointer.index(index) }))
            .collect()
    }

    fn version(&mut self, object: &Object<'_>, top: &Place<'_>) {
        const HELP: &str = "write `\"Version\": \"1\"`, in quotes: RAM has no other version";
        match member(object, top, "Version") {
            None => self.missing(top, Title::InvalidVersion, "Version", HELP),
            Some(place) if string(place.value) == Some("1") => {}
            Some(place) => self.refuse_place(&place, Title::InvalidVersion, "is not the string \"1\"", HELP),
        }
    }

    fn statement(&mut self, index: usize, place: &Place<'_>) -> Option<Statement> {
        const ELEMENTS: [&str; 6] = ["Effect", "Action", "NotAction", "Resource", "Condition", "Sid"];
        let object = self.object(place, HELP_ELEMENT)?;
        self.refuse_others(object, &place.pointer, &ELEMENTS, HELP_ELEMENT);
        let effect = self.effect(object, place);
        let actions = self.actions(object, place);
        let resources = self.resources(object, place);
        let conditions = self.conditions(object, place);
        let sid = member(object, place, "Sid").and_then(|sid| self.text(&sid)).map(|sid| sid.text.into());
        Some(Statement {
            effect: effect?,
            actions: Arc::new(actions?),
            resources: Arc::new(Resources(resources?.into())),
            conditions: (!conditions.is_empty()).then(|| Arc::new(Conditions(conditions.into()))),
            sid,
            index: u32::try_from(index).ok()?,
            line: self.line(place),
        })
    }

    pub(crate) fn effect(&mut self, object: &Object<'_>, statement: &Place<'_>) -> Option<Effect> {
        const HELP: &str = "write exactly `\"Allow\"` or `\"Deny\"`";
        let Some(place) = member(object, statement, "Effect") else {
            self.missing(statement, Title::InvalidEffect, "Effect", HELP);
            return None;
        };
        match string(place.value) {
            Some("Allow") => Some(Effect::Allow),
            Some("Deny") => Some(Effect::Deny),
            _ => {
                self.refuse_place(&place, Title::InvalidEffect, "is neither Allow nor Deny", HELP);
                None
            }
        }
    }

    pub(crate) fn actions(&mut self, object: &Object<'_>, statement: &Place<'_>) -> Option<Actions> {
        const HELP: &str =
            "write either Action or NotAction, with at least one action such as `ecs:AttachNetworkInterface`";
        match (member(object, statement, "Action"), member(object, statement, "NotAction")) {
            (None, None) => {
                self.missing(statement, Title::MissingAction, "Action", HELP);
                None
            }
            (Some(_), Some(second)) => {
                let why = "cannot be combined with Action";
                let refusal = Refusal::new(Title::InvalidPolicyElement, "NotAction", why, HELP);
                self.refuse(span(second.value), &second.pointer, &refusal);
                None
            }
            (Some(place), None) => self.action_patterns(&place, HELP).map(Actions::Action),
            (None, Some(place)) => self.action_patterns(&place, HELP).map(Actions::NotAction),
        }
    }

    fn action_patterns(&mut self, place: &Place<'_>, help: &'static str) -> Option<Box<[Glob]>> {
        let texts = self.texts(place, Title::MissingAction, help)?;
        Some(texts.iter().filter_map(|text| self.accept(text, parse_action(text.text))).collect())
    }

    fn resources(&mut self, object: &Object<'_>, statement: &Place<'_>) -> Option<Vec<ArnPattern>> {
        const HELP: &str = "write `\"Resource\"` with an ARN, a list of ARNs, or `\"*\"`";
        let Some(place) = member(object, statement, "Resource") else {
            self.missing(statement, Title::InvalidPolicyElement, "Resource", HELP);
            return None;
        };
        let texts = self.texts(&place, Title::InvalidPolicyElement, HELP)?;
        let mut heads = Heads::new();
        Some(texts.iter().filter_map(|text| self.accept(text, ArnPattern::parse(text.text, &mut heads))).collect())
    }

    pub(crate) fn conditions(&mut self, object: &Object<'_>, statement: &Place<'_>) -> Vec<Condition> {
        const HELP: &str = "write `\"Condition\": { \"<operator>\": { \"<key>\": [\"<value>\"] } }`";
        let Some(block) = member(object, statement, "Condition") else { return Vec::new() };
        let mut conditions = Vec::new();
        for (name, under) in self.members(&block, HELP) {
            let operator = self.accept(&name, Operator::parse(name.text));
            for (key, values) in self.members(&under, HELP) {
                let parsed = self.accept(&key, Key::parse(key.text));
                let texts = self.texts(&values, Title::DataTypeMismatch, HELP).unwrap_or_default();
                let Some(operator) = operator else { continue };
                self.refuse_several_booleans(operator, &values, &texts);
                let wanted = texts.iter().filter_map(|text| self.wanted(operator, text)).collect();
                conditions.extend(parsed.map(|key| Condition::new(operator, key, wanted)));
            }
        }
        conditions
    }

    fn refuse_several_booleans(&mut self, operator: &Operator, values: &Place<'_>, texts: &[Text<'_>]) {
        if operator.comparison == Comparison::Boolean && texts.len() > 1 {
            let help = "write one value, `\"true\"` or `\"false\"`";
            self.refuse_place(values, Title::InvalidConditionMultipleBoolean, "has more than one value", help);
        }
    }

    fn wanted(&mut self, operator: &Operator, text: &Text<'_>) -> Option<ConditionValue> {
        self.accept(text, ConditionValue::parse(operator, text.text))
    }
}
