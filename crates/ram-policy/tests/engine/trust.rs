//! Trust policies: who is trusted, under which conditions, and the reasons for refusals.

use jiff::Timestamp;
use ram_policy::{Action, Context, ContextKey, Principal, Source, TrustPolicy, Trustee, UnknownKeys, Verdict};

fn policy(statements: &str) -> TrustPolicy {
    let text = format!("{{ \"Version\": \"1\", \"Statement\": [{statements}] }}");
    TrustPolicy::parse("t", &Source::new("t.json", text)).unwrap()
}

fn statement(effect: &str, principal: &str, more: &str) -> String {
    format!("{{ \"Effect\": \"{effect}\", \"Action\": \"sts:AssumeRole\", \"Principal\": {principal}{more} }}")
}

fn principal(identity: &str) -> Principal {
    let (account, identity) = identity.split_once(':').unwrap();
    Principal::new(account.parse().unwrap(), identity.parse().unwrap())
}

fn assume() -> Action {
    "sts:AssumeRole".parse().unwrap()
}

fn verdict(policy: &TrustPolicy, trustee: Trustee<'_>) -> Verdict {
    policy.judge(trustee, &assume(), &Context::default(), UnknownKeys::none()).verdict
}

#[test]
fn each_type_of_entry_trusts_its_own_callers() {
    use Verdict::{Allow, ImplicitDeny};
    let (alice, root) = (principal("1:user/alice"), principal("1:root"));
    let (role, other) = (principal("1:role/Terway"), principal("2:user/alice"));
    let provider = Trustee::Federated("acs:ram::1:oidc-provider/p");
    let service = Trustee::Service("ecs.aliyuncs.com");
    let trustees = [
        Trustee::Principal(&alice),
        Trustee::Principal(&root),
        Trustee::Principal(&role),
        Trustee::Principal(&other),
        provider,
        service,
    ];
    for (entry, expected) in [
        (r#"{ "RAM": "acs:ram::1:root" }"#, [Allow, Allow, Allow, ImplicitDeny, ImplicitDeny, ImplicitDeny]),
        (
            r#"{ "RAM": ["acs:ram::1:user/alice"] }"#,
            [Allow, ImplicitDeny, ImplicitDeny, ImplicitDeny, ImplicitDeny, ImplicitDeny],
        ),
        // The name of a role is compared in lower case, as in its ARN.
        (
            r#"{ "RAM": "acs:ram::1:role/terway" }"#,
            [ImplicitDeny, ImplicitDeny, Allow, ImplicitDeny, ImplicitDeny, ImplicitDeny],
        ),
        (
            r#"{ "Federated": ["acs:ram::1:oidc-provider/p"] }"#,
            [ImplicitDeny, ImplicitDeny, ImplicitDeny, ImplicitDeny, Allow, ImplicitDeny],
        ),
        (
            r#"{ "Service": ["ecs.aliyuncs.com"] }"#,
            [ImplicitDeny, ImplicitDeny, ImplicitDeny, ImplicitDeny, ImplicitDeny, Allow],
        ),
        (
            r#"{ "RAM": "acs:ram::2:root", "Service": "ecs.aliyuncs.com" }"#,
            [ImplicitDeny, ImplicitDeny, ImplicitDeny, Allow, ImplicitDeny, Allow],
        ),
    ] {
        let policy = policy(&statement("Allow", entry, ""));
        assert_eq!(trustees.map(|trustee| verdict(&policy, trustee)), expected, "{entry}");
    }
}

#[test]
fn a_deny_overrides_every_allow_for_the_principals_that_it_names() {
    let (alice, bob) = (principal("1:user/alice"), principal("1:user/bob"));
    let allow = statement("Allow", r#"{ "RAM": "acs:ram::1:root" }"#, "");
    let deny = statement("Deny", r#"{ "RAM": "acs:ram::1:user/bob" }"#, "");
    for both in [format!("{allow},{deny}"), format!("{deny},{allow}")] {
        let policy = policy(&both);
        assert_eq!(verdict(&policy, Trustee::Principal(&alice)), Verdict::Allow);
        assert_eq!(verdict(&policy, Trustee::Principal(&bob)), Verdict::ExplicitDeny);
    }
}

#[test]
fn conditions_test_the_claims_of_the_token_and_the_call() {
    let condition = r#", "Condition": {
        "StringEquals": { "oidc:sub": ["pod-a", "pod-b"], "oidc:aud": "sts.aliyuncs.com" },
        "DateLessThan": { "acs:CurrentTime": "2026-02-01T00:00:00Z" } }"#;
    let policy = policy(&statement("Allow", r#"{ "Federated": "acs:ram::1:oidc-provider/p" }"#, condition));
    let judge = |subject: &str, audiences: &[&str], time: &str| {
        let mut context = Context::default();
        context.add(ContextKey::CurrentTime, time.parse::<Timestamp>().unwrap());
        context.add_text("oidc:sub".parse().unwrap(), subject);
        for audience in audiences {
            context.add_text("OIDC:aud".parse().unwrap(), audience);
        }
        policy.judge(Trustee::Federated("acs:ram::1:oidc-provider/p"), &assume(), &context, UnknownKeys::none())
    };
    let (aud, time) = (["other", "sts.aliyuncs.com"], "2026-01-01T00:00:00Z");
    let decision = judge("pod-b", &aud, time);
    assert_eq!(
        (decision.verdict, decision.deciding, decision.reason),
        (Verdict::Allow, vec![0], "allow by `t#0`".into())
    );
    for (subject, audiences, time, word) in [
        ("pod-c", &aud[..], time, "condition value of `oidc:sub` differs"),
        ("pod-a", &aud[..1], time, "condition value of `oidc:aud` differs"),
        ("pod-a", &[], time, "condition key `oidc:aud` of StringEquals is not in the request"),
        ("pod-a", &aud, "2026-02-01T00:00:00Z", "condition value of `acs:CurrentTime` differs"),
    ] {
        let decision = judge(subject, audiences, time);
        assert_eq!(decision.verdict, Verdict::ImplicitDeny);
        assert!(decision.reason.contains(word), "{}", decision.reason);
    }
    let stranger =
        policy.judge(Trustee::Service("fc.aliyuncs.com"), &assume(), &Context::default(), UnknownKeys::none());
    assert_eq!(stranger.reason, "the trust policy `t` does not name `fc.aliyuncs.com`");
}

/// A caller that is not a RAM principal has no ARN, and a context cannot claim one for it.
#[test]
fn a_federated_caller_has_no_principal_arn() {
    let condition = r#", "Condition": { "StringLike": { "acs:PrincipalARN": "*" } }"#;
    let policy = policy(&statement(
        "Allow",
        r#"{ "Federated": "acs:ram::1:oidc-provider/p", "RAM": "acs:ram::1:root" }"#,
        condition,
    ));
    let mut context = Context::default();
    context.add_text(ContextKey::PrincipalArn, "acs:ram::1:user/alice");
    let federated =
        policy.judge(Trustee::Federated("acs:ram::1:oidc-provider/p"), &assume(), &context, UnknownKeys::none());
    assert_eq!(federated.verdict, Verdict::ImplicitDeny);
    let alice = principal("1:user/alice");
    assert_eq!(
        policy.judge(Trustee::Principal(&alice), &assume(), &context, UnknownKeys::none()).verdict,
        Verdict::Allow
    );
}

#[test]
fn only_the_action_that_is_named_is_trusted() {
    let alice = principal("1:user/alice");
    for (action, expected) in [("sts:*", Verdict::Allow), ("*", Verdict::Allow), ("ecs:*", Verdict::ImplicitDeny)] {
        let text = statement("Allow", r#"{ "RAM": "acs:ram::1:root" }"#, "").replace("sts:AssumeRole", action);
        assert_eq!(verdict(&policy(&text), Trustee::Principal(&alice)), expected, "{action}");
    }
}

#[test]
fn statements_that_trust_a_whole_provider_are_found() {
    let unbounded = |more: &str, effect: &str| {
        let policy = policy(&statement(effect, r#"{ "Federated": "acs:ram::1:oidc-provider/p" }"#, more));
        policy.unbounded().collect::<Vec<_>>()
    };
    assert_eq!(unbounded("", "Allow"), [0]);
    assert_eq!(unbounded(r#", "Condition": { "StringEquals": { "oidc:aud": "x" } }"#, "Allow"), [0]);
    assert!(unbounded(r#", "Condition": { "StringLike": { "OIDC:Sub": "x*" } }"#, "Allow").is_empty());
    assert!(unbounded("", "Deny").is_empty());
}
