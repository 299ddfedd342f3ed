//! Every rule, as data: its stable id, how bad a finding is, what it says and why it matters.

use ram_policy::Severity;

/// One thing that the linter looks for.
#[derive(Debug)]
pub struct Rule {
    /// Stable: ignore lists and other tools refer to it.
    pub id: &'static str,
    /// Of most findings; some are milder, and the rule says which.
    pub severity: Severity,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// What goes wrong if the finding is left alone, and what the rule does not report.
    pub why: &'static str,
    /// The vendor's page that it rests on.
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
    why: "Any Deny that applies wins over every Allow, so the Allow grants nothing to its holders. Reported \
          only where it is so for every principal that holds the policy.",
    page: EVALUATION,
};

/// `docs/spec/ram-policy.md` 2, 3.1, 4.2, 4.3.
pub(super) static DENY_NEVER_APPLIES: Rule = Rule {
    id: "deny-never-applies",
    severity: Severity::Error,
    summary: "a Deny, or a part of one, that can never apply",
    why: "It looks like protection but is not: the ARN pattern can match no resource of the actions it names, a \
          condition requires a key that the call never carries, or two conditions contradict each other. Patterns are \
          judged only where every action is one that the catalogue knows, or where no ECS ARN has such a form.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 3.1, 6.4.
pub(super) static ENI_WITHOUT_INSTANCE: Rule = Rule {
    id: "eni-without-instance",
    severity: Severity::Error,
    summary: "a principal that is granted ENIs to attach, but no instance to attach them to",
    why: "AttachNetworkInterface needs the action on the ENI and on the instance, each separately: with only one of the two \
          every call is denied. Judged over all identity policies of a principal together.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 3.1, 6.4.
pub(super) static INSTANCE_WITHOUT_ENI: Rule = Rule {
    id: "instance-without-eni",
    severity: Severity::Error,
    summary: "a principal that is granted instances to attach to, but no ENI to attach",
    why: "AttachNetworkInterface needs the action on the ENI and on the instance, each separately: with only one of the two \
          every call is denied. Judged over all identity policies of a principal together.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 4.3, 4.5, 4.6.
pub(super) static KEY_NEVER_PRESENT: Rule = Rule {
    id: "key-never-present",
    severity: Severity::Warning,
    summary: "a condition on a key that AttachNetworkInterface never carries",
    why: "On an absent key a positive operator never holds and a negated one always does, so the condition decides the \
          same way for every call. Only statements that select ecs:AttachNetworkInterface are looked at.",
    page: ELEMENTS,
};

/// `docs/spec/ram-policy.md` 4.3, 4.5, 4.6.
pub(super) static KEY_NOT_SUPPLIED: Rule = Rule {
    id: "key-not-supplied",
    severity: Severity::Warning,
    summary: "a condition on a key that the gateway cannot supply for an operation",
    why: "The vendor may supply the key when it judges such a call, and the gateway cannot know its value. An Allow that \
          turns on it never applies; a Deny that turns on it cannot be ruled out, so every call that it covers is refused \
          unless another of its conditions fails. Operations without a file count where the statement names them, and \
          for keys that no other operation has; they are judged with `other = \"evaluate\"` only. `[resources]` supplies \
          tags and groups of resources to operations with a file; nothing supplies keys such as `acs:SourceVpc`, and the \
          finding names what to turn on instead.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 4.2, 4.5, 4.6.
pub(super) static KEY_OF_ANOTHER_TYPE: Rule = Rule {
    id: "key-of-another-type",
    severity: Severity::Error,
    summary: "an operator whose type does not match the key's",
    why: "RAM cannot compare the two, and the authorization does not take effect. Keys whose type is documented \
          nowhere are left alone.",
    page: ECS,
};

/// `docs/spec/ecs-eni.md` B.3.
pub(super) static LEAKS_ENIS: Rule = Rule {
    id: "leaks-enis",
    severity: Severity::Warning,
    summary: "a principal that may attach ENIs but not describe, detach or delete them",
    why: "What it attached stays behind when the work is done: a CNI without all four leaks ENIs until the quota of \
          the instance or of the account is full.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 2, `docs/spec/ecs-eni.md` B.2.
pub(super) static MASKED_ID: Rule = Rule {
    id: "masked-id",
    severity: Severity::Error,
    summary: "an id whose middle was masked with `****`",
    why: "Copied from a page that hides ids. In an ARN and under the Like operators the stars match any text, so the \
          statement selects more than was meant; under the others they match nothing.",
    page: STRUCTURE,
};

/// `docs/spec/ram-policy.md` 4.3.
pub(super) static NEGATED_ALLOW: Rule = Rule {
    id: "negated-allow",
    severity: Severity::Warning,
    summary: "an Allow with a negated operator on a key that may be absent",
    why: "A negated operator holds when the key is absent, so a resource without the tag or group is allowed too. \
          Reported for statements that select an operation of the catalogue; a key that the call never carries is \
          key-never-present instead.",
    page: OPERATORS,
};

/// `docs/spec/ram-policy.md` 1.1, 3.1.
pub(super) static RESOURCE_STAR: Rule = Rule {
    id: "resource-star",
    severity: Severity::Warning,
    summary: "an Allow of AttachNetworkInterface on every resource",
    why: "A principal that holds it can attach any ENI to any instance of the account, where ARNs would narrow it to a region, a \
          type or an id. A note where the actions reach beyond ECS, as an administrator's do. Describe and List \
          actions are left alone: most cannot be narrowed.",
    page: ECS,
};

/// `docs/spec/ram-policy.md` 6.1.
pub(super) static SHADOWED: Rule = Rule {
    id: "shadowed",
    severity: Severity::Warning,
    summary: "a statement that selects nothing which another of the same effect does not",
    why: "It can be removed without effect, and an author who narrows it changes nothing. Looked for among \
          policies that are attached to the same holder, and reported where it is so wherever the policy is attached.",
    page: EVALUATION,
};

/// `docs/spec/ram-policy.md` 4.4.
pub(super) static SINGLE_ADDRESS_BLOCK: Rule = Rule {
    id: "single-address-block",
    severity: Severity::Warning,
    summary: "a `/32` block under IpAddress or NotIpAddress",
    why: "RAM's documentation says that a single address is written bare and that a block such as 10.0.0.1/32 cannot \
          be used. Here it matches its address; in RAM it may match nothing.",
    page: OPERATORS,
};

/// `docs/spec/ram-policy.md` 6.2.
pub(super) static UNUSED_GROUP: Rule = Rule {
    id: "unused-group",
    severity: Severity::Warning,
    summary: "a group without members",
    why: "Its policies apply to no one yet, and will apply to the first user added to it.",
    page: EVALUATION,
};

pub(super) static UNUSED_IGNORE: Rule = Rule {
    id: "unused-ignore",
    severity: Severity::Warning,
    summary: "an entry of the ignore list that matches no finding",
    why: "What it excused was fixed or renamed; left in place, it hides the next such finding.",
    page: STRUCTURE,
};

/// `docs/spec/ram-policy.md` 6.2.
pub(super) static UNUSED_POLICY: Rule = Rule {
    id: "unused-policy",
    severity: Severity::Warning,
    summary: "a policy that applies to no principal",
    why: "It is attached to nobody, or only to groups that nobody is in: a reader would believe in a grant or a \
          protection that is not there.",
    page: EVALUATION,
};

/// `docs/spec/ram-policy.md` 4.7.
pub(super) static VARIABLE: Rule = Rule {
    id: "variable",
    severity: Severity::Warning,
    summary: "a `${…}`, which RAM does not fill in",
    why: "RAM documents no policy variables: the text is compared as written and matches no real value, in a Deny too.",
    page: STRUCTURE,
};

/// `docs/spec/ram-policy.md` 1.2.
pub(super) static WRONG_CASE: Rule = Rule {
    id: "wrong-case",
    severity: Severity::Warning,
    summary: "a name that is documented in another case",
    why: "ARNs are compared with regard to case, so a capital there matches nothing. Actions and keys are compared \
          without regard to it in most cases only. A note for `acs:PrincipalArn`, which is in common use.",
    page: ELEMENTS,
};
