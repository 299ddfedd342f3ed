//! The rules, as data: id, severity, summary, reason, and the vendor's page.

use ram_policy::Severity;

/// A lint rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable: ignore lists and other tools refer to the id.
    pub id: &'static str,
    /// The severity of most findings; `why` mentions those that are milder.
    pub severity: Severity,
    /// What the rule finds, in one line.
    pub summary: &'static str,
    /// The consequence of leaving the finding unfixed, and what the rule does not report.
    pub why: &'static str,
    /// The vendor's page that the rule is based on.
    pub page: &'static str,
}

const STRUCTURE: &str = "https://www.alibabacloud.com/help/document_detail/93739.html";
const ELEMENTS: &str = "https://www.alibabacloud.com/help/en/ram/policy-elements";
const OPERATORS: &str = "https://www.alibabacloud.com/help/en/ram/conditional-operator";
const EVALUATION: &str = "https://www.alibabacloud.com/help/en/ram/policy-evaluation-process";
const ECS: &str = "https://www.alibabacloud.com/help/en/ecs/authentication-rules";

/// In the order of their ids.
pub static RULES: [&Rule; 18] = [
    &ALLOW_UNDER_DENY,
    &DENY_NEVER_APPLIES,
    &ENI_WITHOUT_INSTANCE,
    &INSTANCE_WITHOUT_ENI,
    &KEY_NEVER_PRESENT,
    &KEY_NOT_SUPPLIED,
    &KEY_OF_ANOTHER_TYPE,
    &LEAKS_ENIS,
    &MASKED_ID,
    &NEGATED_ALLOW,
    &RESOURCE_STAR,
    &SHADOWED,
    &SINGLE_ADDRESS_BLOCK,
    &UNUSED_GROUP,
    &UNUSED_IGNORE,
    &UNUSED_POLICY,
    &VARIABLE,
    &WRONG_CASE,
];

/// `docs/spec/ram-policy.md` 6.1, 6.2.
pub(super) static ALLOW_UNDER_DENY: Rule = Rule {
    id: "allow-under-deny",
    severity: Severity::Warning,
    summary: "an Allow that an unconditional Deny overrides entirely",
    why: "Any Deny that applies wins over every Allow, so the Allow grants nothing. Reported only if this is true for \
          every principal that has the policy.",
    page: EVALUATION,
};

/// `docs/spec/ram-policy.md` 2, 3.1, 4.2, 4.3.
pub(super) static DENY_NEVER_APPLIES: Rule = Rule {
    id: "deny-never-applies",
    severity: Severity::Error,
    summary: "a Deny, or a part of one, that can never apply",
    why: "The Deny looks like protection but is not: the ARN pattern can match no resource of the actions it names, a \
          condition requires a key that the call never carries, or two conditions contradict each other. Patterns are \
          checked only if the catalogue knows every action, or if no ECS ARN has such a form.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 3.1, 6.4.
pub(super) static ENI_WITHOUT_INSTANCE: Rule = Rule {
    id: "eni-without-instance",
    severity: Severity::Error,
    summary: "a principal that is granted ENIs to attach, but no instance to attach them to",
    why: "AttachNetworkInterface must be allowed on the ENI and, separately, on the instance: with only one of them, \
          every call is denied. Checked over all identity policies of a principal together.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 3.1, 6.4.
pub(super) static INSTANCE_WITHOUT_ENI: Rule = Rule {
    id: "instance-without-eni",
    severity: Severity::Error,
    summary: "a principal that is granted instances to attach to, but no ENI to attach",
    why: "AttachNetworkInterface must be allowed on the ENI and, separately, on the instance: with only one of them, \
          every call is denied. Checked over all identity policies of a principal together.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 4.3, 4.5, 4.6.
pub(super) static KEY_NEVER_PRESENT: Rule = Rule {
    id: "key-never-present",
    severity: Severity::Warning,
    summary: "a condition on a key that AttachNetworkInterface never carries",
    why: "On an absent key, a positive operator never holds and a negated operator always holds, so the condition has \
          the same result for every call. Only statements that select ecs:AttachNetworkInterface are checked.",
    page: ELEMENTS,
};

/// `docs/spec/ram-policy.md` 4.3, 4.5, 4.6.
pub(super) static KEY_NOT_SUPPLIED: Rule = Rule {
    id: "key-not-supplied",
    severity: Severity::Warning,
    summary: "a condition on a key that the gateway cannot supply for an operation",
    why: "The vendor may supply the key when it judges such a call, but the gateway cannot know its value. An Allow \
          that depends on it never applies. A Deny that depends on it may apply, so every call that it covers is \
          refused unless another of its conditions fails. Operations without a file are checked if the statement \
          names them, and for keys that no other operation has; they are judged with `other = \"evaluate\"` only. \
          `[resources]` supplies tags and groups of resources to operations with a file. No setting supplies keys \
          such as `acs:SourceVpc`; the finding names an alternative.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 4.2, 4.5, 4.6.
pub(super) static KEY_OF_ANOTHER_TYPE: Rule = Rule {
    id: "key-of-another-type",
    severity: Severity::Error,
    summary: "an operator whose type does not match the key's",
    why: "RAM cannot compare the two, and the authorization does not take effect. Keys without a documented type are \
          not reported.",
    page: ECS,
};

/// `docs/spec/ecs-eni.md` B.3.
pub(super) static LEAKS_ENIS: Rule = Rule {
    id: "leaks-enis",
    severity: Severity::Warning,
    summary: "a principal that may attach ENIs but not describe, detach or delete them",
    why: "The ENIs stay attached after the work is done: a CNI that lacks one of the four actions leaks ENIs until the \
          quota of the instance or of the account is full.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 2, `docs/spec/ecs-eni.md` B.2.
pub(super) static MASKED_ID: Rule = Rule {
    id: "masked-id",
    severity: Severity::Error,
    summary: "an id whose middle was masked with `****`",
    why: "The id was probably copied from a page that masks ids. In an ARN and with the Like operators the stars match \
          any text, so the statement selects more than its author meant; with other operators they match nothing.",
    page: STRUCTURE,
};

/// `docs/spec/ram-policy.md` 4.3.
pub(super) static NEGATED_ALLOW: Rule = Rule {
    id: "negated-allow",
    severity: Severity::Warning,
    summary: "an Allow with a negated operator on a key that may be absent",
    why: "A negated operator holds when the key is absent, so a resource without the tag or group is allowed too. \
          Reported for statements that select an operation of the catalogue. A key that the call never carries is \
          reported as key-never-present instead.",
    page: OPERATORS,
};

/// `docs/spec/ram-policy.md` 1.1, 3.1.
pub(super) static RESOURCE_STAR: Rule = Rule {
    id: "resource-star",
    severity: Severity::Warning,
    summary: "an Allow of AttachNetworkInterface on every resource",
    why: "A principal with this policy can attach any ENI to any instance of the account. ARNs would narrow this to a \
          region, a type or an id. The finding is a note if the actions reach beyond ECS, as an administrator's do. \
          Describe and List actions are not reported: most cannot be narrowed.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 6.1.
pub(super) static SHADOWED: Rule = Rule {
    id: "shadowed",
    severity: Severity::Warning,
    summary: "a statement that another statement with the same effect makes redundant",
    why: "Removing or narrowing the statement changes nothing, which its author may not expect. Policies that are \
          attached to the same holder are compared. Reported only if this is true wherever the policy is attached.",
    page: EVALUATION,
};

/// `docs/spec/ram-policy.md` 4.4.
pub(super) static SINGLE_ADDRESS_BLOCK: Rule = Rule {
    id: "single-address-block",
    severity: Severity::Warning,
    summary: "a `/32` block under IpAddress or NotIpAddress",
    why: "RAM's documentation says that a single address must be written without a prefix length, and that a block \
          such as 10.0.0.1/32 cannot be used. In the gateway it matches its address; in RAM it may match nothing.",
    page: OPERATORS,
};

/// `docs/spec/ram-policy.md` 6.2.
pub(super) static UNUSED_GROUP: Rule = Rule {
    id: "unused-group",
    severity: Severity::Warning,
    summary: "a group without members",
    why: "Its policies apply to no principal yet, but will apply to the first user that is added.",
    page: EVALUATION,
};

pub(super) static UNUSED_IGNORE: Rule = Rule {
    id: "unused-ignore",
    severity: Severity::Warning,
    summary: "an entry of the ignore list that matches no finding",
    why: "The ignored finding was fixed or renamed. An entry that stays would hide the next such finding.",
    page: STRUCTURE,
};

/// `docs/spec/ram-policy.md` 6.2.
pub(super) static UNUSED_POLICY: Rule = Rule {
    id: "unused-policy",
    severity: Severity::Warning,
    summary: "a policy that applies to no principal",
    why: "It is not attached, or only to groups without members. A reader may rely on a grant or a protection that \
          does not exist.",
    page: EVALUATION,
};

/// `docs/spec/ram-policy.md` 4.7.
pub(super) static VARIABLE: Rule = Rule {
    id: "variable",
    severity: Severity::Warning,
    summary: "a `${…}`, which RAM does not replace",
    why: "RAM documents no policy variables. The text is compared as written and matches no value, even in a Deny.",
    page: STRUCTURE,
};

/// `docs/spec/ram-policy.md` 1.2.
pub(super) static WRONG_CASE: Rule = Rule {
    id: "wrong-case",
    severity: Severity::Warning,
    summary: "a name whose case differs from the documented spelling",
    why: "ARNs are case-sensitive, so a capital there matches nothing. Actions and keys are compared without regard to \
          case, but not everywhere. The finding is a note for `acs:PrincipalArn`, which is in common use.",
    page: ELEMENTS,
};
