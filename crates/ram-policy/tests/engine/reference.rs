//! The reference evaluator: the rules of RAM applied to the JSON of the case file, written for clarity and not for
//! speed.
//!
//! It assumes well-formed documents; whether they load is tested elsewhere. It shares no code with the crate, so that a
//! mistake there is not repeated here.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Map, Value};

const CONTROL: &str = "ControlPolicy";
const SESSION: &str = "SessionPolicy";
const ACCOUNT_LEVEL: &str = "AccountLevelIdentityBasedPolicy";
const RESOURCE_GROUP_LEVEL: &str = "ResourceGroupLevelIdentityBasedPolicy";

/// Mildest first: the verdict on a call is the greatest of those on its resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Allow,
    ImplicitDeny,
    ExplicitDeny,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    /// The `PolicyType` that a denial reports; `None` if the call is allowed.
    pub policy_type: Option<&'static str>,
    /// The verdict on each resource, in the order of the request.
    pub resources: Vec<Verdict>,
    /// For each resource, whether it is refused because a Deny cannot be ruled out.
    pub in_doubt: Vec<bool>,
}

pub fn judge(policies: &[Value], request: &Value) -> Judged {
    let mut outcomes = Vec::new();
    for arn in strings(&request["resources"]) {
        outcomes.push(judge_resource(policies, request, arn));
    }
    for arn in deny_only(request) {
        outcomes.push(judge_deny_only(policies, request, arn));
    }
    let mut worst = &outcomes[0];
    for outcome in &outcomes {
        // Strictly worse, so that the first of several equal resources is reported. A refusal that is certain counts as
        // worse than one that is not.
        if (outcome.verdict, outcome.is_certain) > (worst.verdict, worst.is_certain) {
            worst = outcome;
        }
    }
    Judged {
        verdict: worst.verdict,
        policy_type: worst.policy_type,
        resources: outcomes.iter().map(|outcome| outcome.verdict).collect(),
        in_doubt: outcomes.iter().map(|outcome| !outcome.is_certain).collect(),
    }
}

struct Outcome {
    verdict: Verdict,
    policy_type: Option<&'static str>,
    is_certain: bool,
}

/// Judges the resource under two assumptions about unknown values. In both, no Allow that depends on them applies.
/// First no such Deny applies: a refusal is then certain. Then every such Deny applies: if that changes the verdict,
/// the refusal is in doubt.
fn judge_resource(policies: &[Value], request: &Value, arn: &str) -> Outcome {
    let (verdict, policy_type) = judge_in(policies, request, arn, Unknown::NeverDenies);
    if verdict == Verdict::Allow {
        let (closed, policy_type) = judge_in(policies, request, arn, Unknown::Denies);
        if closed != Verdict::Allow {
            return Outcome { verdict: Verdict::ImplicitDeny, policy_type, is_certain: false };
        }
    }
    Outcome { verdict, policy_type, is_certain: true }
}

/// Judges a resource that needs no Allow. Only a Deny matters, and the owner of the resource does not.
fn judge_deny_only(policies: &[Value], request: &Value, arn: &str) -> Outcome {
    if request["principal"]["type"] != "root" {
        for (unknown, verdict) in
            [(Unknown::NeverDenies, Verdict::ExplicitDeny), (Unknown::Denies, Verdict::ImplicitDeny)]
        {
            let unknown_names = unknown_names(request);
            let action = text(&request["action"]);
            let check = Check { action, arn, attributes: attributes(request, arn), unknown_names, unknown };
            if let Some(policy_type) = first_deny(policies, request, &check) {
                let is_certain = verdict == Verdict::ExplicitDeny;
                return Outcome { verdict, policy_type: Some(policy_type), is_certain };
            }
        }
    }
    Outcome { verdict: Verdict::Allow, policy_type: None, is_certain: true }
}

/// The `PolicyType` of the first layer with a Deny that applies.
fn first_deny(policies: &[Value], request: &Value, check: &Check) -> Option<&'static str> {
    let principal = &request["principal"];
    let control = if principal["service_linked"] == true { Verdict::Allow } else { judge_control(policies, check) };
    let session = judge_set(&documents(policies, |policy| policy["kind"] == "session"), check);
    let account = judge_set(&documents(policies, |policy| is_held(policy, principal, "account")), check);
    let group = judge_groups(policies, request, check);
    let layers = [(control, CONTROL), (session, SESSION), (account, ACCOUNT_LEVEL), (group, RESOURCE_GROUP_LEVEL)];
    layers.into_iter().find(|(verdict, _)| *verdict == Verdict::ExplicitDeny).map(|(_, policy_type)| policy_type)
}

/// The member `deny_only` of the request, which no case file has.
fn deny_only(request: &Value) -> Vec<&str> {
    request.get("deny_only").map(strings).unwrap_or_default()
}

/// Whether a Deny that depends on unknown values applies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    NeverDenies,
    Denies,
}

/// One call on one resource, which statements are checked against.
struct Check<'a> {
    action: &'a str,
    arn: &'a str,
    /// The values of every condition key, under the key's canonical spelling.
    attributes: BTreeMap<String, Vec<String>>,
    /// Names of keys, without their tag keys, that may have a value although `facts` has none.
    unknown_names: Vec<String>,
    unknown: Unknown,
}

fn judge_in(policies: &[Value], request: &Value, arn: &str, unknown: Unknown) -> (Verdict, Option<&'static str>) {
    let principal = &request["principal"];
    if arn.split(':').nth(3) != principal["account_id"].as_str() {
        return (Verdict::ImplicitDeny, Some(ACCOUNT_LEVEL));
    }
    if principal["type"] == "root" {
        return (Verdict::Allow, None);
    }
    let unknown_names = unknown_names(request);
    let check =
        Check { action: text(&request["action"]), arn, attributes: attributes(request, arn), unknown_names, unknown };

    if principal["service_linked"] != true {
        let control = judge_control(policies, &check);
        if control != Verdict::Allow {
            return (control, Some(CONTROL));
        }
    }

    let session = documents(policies, |policy| policy["kind"] == "session");
    if !session.is_empty() {
        let session = judge_set(&session, &check);
        if session != Verdict::Allow {
            return (session, Some(SESSION));
        }
    }

    let account = judge_set(&documents(policies, |policy| is_held(policy, principal, "account")), &check);
    if account == Verdict::ExplicitDeny {
        return (Verdict::ExplicitDeny, Some(ACCOUNT_LEVEL));
    }
    let resource_group = judge_groups(policies, request, &check);
    if resource_group == Verdict::ExplicitDeny {
        return (Verdict::ExplicitDeny, Some(RESOURCE_GROUP_LEVEL));
    }
    if account == Verdict::Allow || resource_group == Verdict::Allow {
        return (Verdict::Allow, None);
    }
    (Verdict::ImplicitDeny, Some(ACCOUNT_LEVEL))
}

/// The verdict of the policies for the resource's group. If its attributes have not been read, it may be in any group.
fn judge_groups(policies: &[Value], request: &Value, check: &Check) -> Verdict {
    let principal = &request["principal"];
    if request["unread"] == true {
        let scoped = |policy: &Value| {
            let scope = policy["scope"].as_str().filter(|scope| scope.starts_with("resource-group:"));
            scope.is_some_and(|scope| is_held(policy, principal, scope))
        };
        let may_deny = judge_set(&documents(policies, scoped), check) == Verdict::ExplicitDeny;
        return if may_deny && check.unknown == Unknown::Denies {
            Verdict::ExplicitDeny
        } else {
            Verdict::ImplicitDeny
        };
    }
    let Some(id) = resource_group_of(request, check.arn) else { return Verdict::ImplicitDeny };
    let scope = format!("resource-group:{id}");
    judge_set(&documents(policies, |policy| is_held(policy, principal, &scope)), check)
}

/// The member `unknown` of the request; and tags and groups, if the attributes of resources have not been read.
fn unknown_names(request: &Value) -> Vec<String> {
    let named = request["unknown"].as_array().map_or(&[][..], Vec::as_slice);
    let mut names: Vec<String> = named.iter().map(|name| text(name).to_ascii_lowercase()).collect();
    if request["unread"] == true {
        names.extend(["acs:resourcetag", "acs:resourcegroupid"].map(str::to_owned));
    }
    names
}

/// Every level that occurs must allow, so the worst level decides.
fn judge_control(policies: &[Value], check: &Check) -> Verdict {
    let mut worst = Verdict::Allow;
    for policy in policies {
        if policy["kind"] == "control" {
            // A level with several policies is judged several times, which does not change the result.
            let level = documents(policies, |other| other["kind"] == "control" && other["level"] == policy["level"]);
            worst = worst.max(judge_set(&level, check));
        }
    }
    worst
}

fn judge_set(documents: &[&Value], check: &Check) -> Verdict {
    let mut verdict = Verdict::ImplicitDeny;
    for document in documents {
        for statement in document["Statement"].as_array().unwrap() {
            if applies(statement, check) {
                if statement["Effect"] == "Deny" {
                    return Verdict::ExplicitDeny;
                }
                verdict = Verdict::Allow;
            }
        }
    }
    verdict
}

fn documents(policies: &[Value], wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
    policies.iter().filter(|policy| wanted(policy)).map(|policy| &policy["document"]).collect()
}

/// Whether this is an identity policy of this scope that is attached to the principal or to one of its groups.
fn is_held(policy: &Value, principal: &Value, scope: &str) -> bool {
    if policy["kind"] != "identity" || policy["scope"] != scope {
        return false;
    }
    let (holder, name) = text(&policy["attached_to"]).split_once(':').unwrap();
    match holder {
        "group" => principal["type"] == "user" && strings(&principal["groups"]).contains(&name),
        _ => principal["type"] == holder && principal["name"] == name,
    }
}

fn resource_group_of<'a>(request: &'a Value, arn: &str) -> Option<&'a str> {
    request.get("resource_context")?.get(arn)?.get("acs:ResourceGroupId")?.as_str()
}

fn attributes(request: &Value, arn: &str) -> BTreeMap<String, Vec<String>> {
    let mut attributes = BTreeMap::new();
    // The resource comes second, so that its attributes replace those of the call.
    let of_resource = if request["unread"] == true { &Value::Null } else { &request["resource_context"][arn] };
    for context in [&request["context"], of_resource] {
        for (key, value) in members(context) {
            let values = strings(value).into_iter().map(str::to_owned).collect();
            attributes.insert(canonical_key(key), values);
        }
    }
    if request["unread"] == true {
        // Attributes of the resource that are read later could replace those that the call gives.
        attributes.retain(|key, _| !key.starts_with("acs:resourcetag/") && key != "acs:resourcegroupid");
    }
    // Last, so that no context can claim another principal.
    attributes.insert(canonical_key("acs:PrincipalARN"), vec![principal_arn(&request["principal"])]);
    attributes
}

fn principal_arn(principal: &Value) -> String {
    let account = text(&principal["account_id"]);
    match text(&principal["type"]) {
        "user" => format!("acs:ram::{account}:user/{}", text(&principal["name"])),
        "role" => format!("acs:ram::{account}:role/{}", text(&principal["name"]).to_lowercase()),
        _ => format!("acs:ram::{account}:root"),
    }
}

fn canonical_key(key: &str) -> String {
    match key.split_once('/') {
        None => key.to_ascii_lowercase(),
        Some((name, tag)) => match name.to_ascii_lowercase().as_str() {
            "ecs:tag" => format!("acs:resourcetag/{tag}"),
            name => format!("{name}/{tag}"),
        },
    }
}

fn applies(statement: &Value, check: &Check) -> bool {
    selects_action(statement, check.action)
        && selects_resource(statement, check.arn)
        && condition_holds(statement, check)
}

fn selects_action(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let is_named = |patterns| strings(patterns).iter().any(|pattern| glob(&pattern.to_ascii_lowercase(), &action));
    match statement.get("NotAction") {
        Some(patterns) => !is_named(patterns),
        None => is_named(&statement["Action"]),
    }
}

fn selects_resource(statement: &Value, arn: &str) -> bool {
    strings(&statement["Resource"]).iter().any(|pattern| arn_matches(pattern, arn))
}

fn arn_matches(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let patterns: Vec<&str> = pattern.splitn(5, ':').collect();
    let fields: Vec<&str> = arn.splitn(5, ':').collect();
    patterns.len() == fields.len() && patterns.iter().zip(&fields).all(|(pattern, field)| glob(pattern, field))
}

/// The textbook table: one row for each character of the pattern, over Unicode scalar values.
fn glob(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // reached[i]: the pattern up to here matches the first i characters of the text.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for wanted in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for i in 0..=text.len() {
            next[i] = match wanted {
                '*' => reached[i] || (i > 0 && next[i - 1]),
                '?' => i > 0 && reached[i - 1],
                literal => i > 0 && reached[i - 1] && text[i - 1] == literal,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

fn condition_holds(statement: &Value, check: &Check) -> bool {
    let in_deny = statement["Effect"] == "Deny";
    for (operator, keys) in members(&statement["Condition"]) {
        for (key, values) in members(keys) {
            let key = canonical_key(key);
            let name = key.split('/').next().unwrap();
            let holds = match check.attributes.get(&key) {
                None if check.unknown_names.iter().any(|unknown| unknown == name) => {
                    in_deny && check.unknown == Unknown::Denies
                }
                attributes => test(operator, &strings(values), attributes.map(Vec::as_slice), in_deny),
            };
            if !holds {
                return false;
            }
        }
    }
    true
}

fn test(operator: &str, policy_values: &[&str], request_values: Option<&[String]>, in_deny: bool) -> bool {
    let is_negated = operator.contains("Not");
    let positive = operator.replacen("Not", "", 1);
    let Some(request_values) = request_values else {
        return is_negated;
    };
    let mut is_met = false;
    let mut is_unreadable = false;
    for request_value in request_values {
        for policy_value in policy_values {
            match compare(&positive, policy_value, request_value) {
                Some(matches) => is_met |= matches,
                None => is_unreadable = true,
            }
        }
    }
    if is_unreadable && (is_negated || !is_met) {
        // It is not known whether the value differs, so the condition fails closed: it holds only in a Deny.
        return in_deny;
    }
    is_met != is_negated
}

/// Whether the request value matches the policy value under a positive operator; `None` if it cannot be read as the
/// type of the operator.
fn compare(operator: &str, policy_value: &str, request_value: &str) -> Option<bool> {
    if let Some(relation) = operator.strip_prefix("Numeric") {
        let order = compare_decimals(&decimal(request_value)?, &decimal(policy_value).unwrap());
        return Some(relation_holds(relation, order));
    }
    if let Some(relation) = operator.strip_prefix("Date") {
        let order = instant(request_value)?.cmp(&instant(policy_value).unwrap());
        return Some(relation_holds(relation, order));
    }
    match operator {
        "StringEquals" => Some(request_value == policy_value),
        "StringEqualsIgnoreCase" => Some(lower_case(request_value) == lower_case(policy_value)),
        "StringLike" => Some(glob(policy_value, request_value)),
        "Bool" => Some(boolean(request_value)? == boolean(policy_value).unwrap()),
        "IpAddress" | "IpAddressIncludeBorder" => Some(block(policy_value).contains(address(request_value)?)),
        _ => panic!("RAM has no operator {operator}"),
    }
}

fn relation_holds(relation: &str, request_to_policy: Ordering) -> bool {
    match relation {
        "Equals" => request_to_policy.is_eq(),
        "LessThan" => request_to_policy.is_lt(),
        "LessThanEquals" => request_to_policy.is_le(),
        "GreaterThan" => request_to_policy.is_gt(),
        "GreaterThanEquals" => request_to_policy.is_ge(),
        _ => panic!("RAM has no relation {relation}"),
    }
}

/// Character by character: `str::to_lowercase` treats a final sigma differently.
fn lower_case(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

struct Decimal {
    is_negative: bool,
    whole: String,
    fraction: String,
}

fn decimal(text: &str) -> Option<Decimal> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (digits_only(whole)?, digits_only(fraction)?),
        None => (digits_only(digits)?, ""),
    };
    Some(Decimal { is_negative, whole: whole.to_owned(), fraction: fraction.to_owned() })
}

fn digits_only(text: &str) -> Option<&str> {
    (!text.is_empty() && text.chars().all(|c| c.is_ascii_digit())).then_some(text)
}

fn compare_decimals(left: &Decimal, right: &Decimal) -> Ordering {
    let whole = left.whole.len().max(right.whole.len());
    let fraction = left.fraction.len().max(right.fraction.len());
    // Digits padded to the same length compare as text.
    let magnitude = |number: &Decimal| format!("{:0>whole$}{:0<fraction$}", number.whole, number.fraction);
    let (left_magnitude, right_magnitude) = (magnitude(left), magnitude(right));
    // The sign of zero does not count.
    let is_below_zero = |number: &Decimal, magnitude: &str| number.is_negative && magnitude.contains(|c| c != '0');
    match (is_below_zero(left, &left_magnitude), is_below_zero(right, &right_magnitude)) {
        (false, false) => left_magnitude.cmp(&right_magnitude),
        (true, true) => right_magnitude.cmp(&left_magnitude),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// Nanoseconds since 1970-01-01T00:00:00Z of a text that has exactly the form
/// `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
fn instant(text: &str) -> Option<i128> {
    let (moment, rest) = text.split_at_checked(19)?;
    if !has_shape(moment, "0000-00-00T00:00:00") {
        return None;
    }
    let (year, month, day) = (number(&moment[0..4]), number(&moment[5..7]), number(&moment[8..10]));
    let (hour, minute, second) = (number(&moment[11..13]), number(&moment[14..16]), number(&moment[17..19]));
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }

    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let mut nanoseconds = 0;
    if !fraction.is_empty() {
        let digits = digits_only(fraction.strip_prefix('.')?)?;
        nanoseconds = number(&format!("{digits:0<9}")[..9]);
    }
    let mut offset_minutes = 0;
    if zone != "Z" {
        if !has_shape(&zone[1..], "00:00") {
            return None;
        }
        let (hours, minutes) = (number(&zone[1..3]), number(&zone[4..6]));
        if hours > 23 || minutes > 59 {
            return None;
        }
        offset_minutes = hours * 60 + minutes;
        if zone.starts_with('-') {
            offset_minutes = -offset_minutes;
        }
    }

    let mut days = days_before_year(year) - days_before_year(1970) + day - 1;
    for earlier in 1..month {
        days += days_in_month(year, earlier);
    }
    let seconds = ((days * 24 + hour) * 60 + minute - offset_minutes) * 60 + second;
    Some(seconds * 1_000_000_000 + nanoseconds)
}

/// Whether a text has the shape, in which `0` stands for any digit.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(c, wanted): (char, char)| if wanted == '0' { c.is_ascii_digit() } else { c == wanted };
    text.len() == shape.len() && text.chars().zip(shape.chars()).all(fits)
}

fn number(digits: &str) -> i128 {
    digits.parse().unwrap()
}

fn is_leap(year: i128) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i128, month: i128) -> i128 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days between January 1 of year 0 and January 1 of this year.
fn days_before_year(year: i128) -> i128 {
    // Rounded up, because year 0 is a leap year.
    year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

fn address(text: &str) -> Option<(Family, u128)> {
    match text.parse().ok()? {
        IpAddr::V4(v4) => Some((Family::V4, u128::from(v4.to_bits()))),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => Some((Family::V4, u128::from(v4.to_bits()))),
            None => Some((Family::V6, v6.to_bits())),
        },
    }
}

struct Block {
    family: Family,
    base: u128,
    mask: u128,
}

impl Block {
    fn contains(&self, (family, bits): (Family, u128)) -> bool {
        family == self.family && bits & self.mask == self.base & self.mask
    }
}

fn block(text: &str) -> Block {
    let (base, length) = text.split_once('/').map_or((text, None), |(base, length)| (base, Some(length)));
    let length: Option<u32> = length.map(|length| length.parse().unwrap());
    let (family, bits) = address(base).unwrap();
    let is_written_as_v6 = base.parse::<Ipv6Addr>().is_ok();
    match (family, length) {
        (family, None) => Block { family, base: bits, mask: u128::MAX },
        (Family::V6, Some(length)) => Block { family, base: bits, mask: mask(128, length) },
        (Family::V4, Some(length)) if !is_written_as_v6 => Block { family, base: bits, mask: mask(32, length) },
        // A block with a mapped base is a v4 block only if its prefix has at least 96 bits.
        (Family::V4, Some(length)) if length >= 96 => Block { family, base: bits, mask: mask(32, length - 96) },
        (Family::V4, Some(length)) => {
            Block { family: Family::V6, base: base.parse::<Ipv6Addr>().unwrap().to_bits(), mask: mask(128, length) }
        }
    }
}

/// The first `length` of `width` bits.
fn mask(width: u32, length: u32) -> u128 {
    let mut mask = 0;
    for bit in 0..length {
        mask |= 1 << (width - 1 - bit);
    }
    mask
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A lone string and a list of strings mean the same.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        lone => vec![text(lone)],
    }
}

/// The members of an object; none for any other value.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
