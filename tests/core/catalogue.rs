//! The catalogue: the errors of its loader, and that the bundled files agree with the vendor's page.

use std::collections::BTreeSet;

use ram_policy::Source;
use ramgate::catalog::{Access, Catalog, KeySupply, Kind, Operation, RejectionReason, State, Unlisted};

const COMMON: &str = include_str!("../../src/catalog/common.json");
const KEYS: &str = include_str!("../../src/catalog/condition-keys.json");
const PAGE_ROWS: &str = include_str!("../fixtures/catalogue/AttachNetworkInterface.errors.json");

/// A small file with one example of everything that the loader checks.
const GOOD: &str = r#"{
  "schema": 1,
  "operation": "FreezeInterface",
  "product": "Ecs",
  "version": "2014-05-26",
  "source": "a test",
  "action": "ecs:FreezeInterface",
  "access": "write",
  "parameters": [
    { "name": "RegionId", "type": "region", "required": true },
    { "name": "InterfaceId", "type": "eni-id", "required": true, "faults": { "malformed": "BadEni" } },
    { "name": "Degrees", "type": "integer", "minimum": 0, "maximum": 9 }
  ],
  "resources": [
    { "type": "NetworkInterface", "arn": "acs:ecs:{#regionId}:{#accountId}:eni/{#eniId}", "binds": { "eniId": "InterfaceId" } }
  ],
  "refusals": { "implicit-deny": { "status": 403, "code": "NotYours" } },
  "errors": [
    { "status": 400, "code": "BadEni", "message": "%s" },
    { "status": 403, "code": "NotYours", "message": "This is not yours." },
    { "status": 404, "code": "NotThere", "message": "It is gone." }
  ]
}"#;

#[test]
fn the_good_file_of_these_tests_loads() {
    assert_eq!(diagnostics(GOOD), [""; 0]);
    let catalog = read(COMMON, &[GOOD]).unwrap();
    let freeze = catalog.operation("FreezeInterface").unwrap();
    assert_eq!((freeze.action().as_str(), freeze.access()), ("ecs:FreezeInterface", Access::Write));
    let own = freeze.answers().answer(RejectionReason::ImplicitDeny, "");
    assert_eq!((own.status, own.code.as_str(), own.message.as_str()), (403, "NotYours", "This is not yours."));
    let common = freeze.answers().answer(RejectionReason::ExplicitDeny, "");
    assert_eq!((common.status, common.code.as_str()), (403, "Forbidden.SubUser"));
}

/// A text of the good file, its replacement, the place of the expected diagnostic (line and column), and a part of it.
const BAD: &[(&str, &str, &str, &str)] = &[
    (
        "\"BadEni\", \"message\": \"%s\" },",
        "\"BadEni\", \"message\": \"%s\" }, { \"status\": 403, \"code\": \"Forbidden.RegionId\", \"message\": \"%s\" },",
        "19:84",
        "`Forbidden.RegionId` is documented with status 400",
    ),
    (
        "\"implicit-deny\": { \"status\": 403, \"code\": \"NotYours\" }",
        "\"implicit-deny\": { \"status\": 404, \"code\": \"NotThere\" }",
        "17:59",
        "`NotThere` answers a denial (`implicit-deny`) with 404",
    ),
    (
        "\"implicit-deny\": { \"status\": 403, \"code\": \"NotYours\" }",
        "\"explicit-deny\": { \"status\": 400, \"code\": \"BadEni\" }",
        "11:91",
        "`BadEni` answers a denial (`explicit-deny`) with 400",
    ),
    (
        "\"status\": 403, \"code\": \"NotYours\" } }",
        "\"status\": 403, \"code\": \"Elsewhere\" } }",
        "17:59",
        "`Elsewhere` with status 403 (for `implicit-deny`) is not a row of this file or of `common.json`",
    ),
    ("eni/{#eniId}", "eni/{#eniId}{#other}", "15:42", "the placeholder `{#other}` is unknown"),
    ("eni/{#eniId}", "eni/{#eniId", "15:42", "the placeholder at `eniId` is not closed"),
    ("\"acs:ecs:{#regionId}", "\"ecs:{#regionId}", "15:42", "is not a valid ARN once its placeholders are filled"),
    (
        "\"eniId\": \"InterfaceId\" }",
        "\"eniId\": \"InterfaceId\", \"spare\": \"InterfaceId\" }",
        "15:42",
        "`spare` is bound but the template does not use it",
    ),
    (
        "\"eniId\": \"InterfaceId\" }",
        "\"eniId\": \"InterfaceID\" }",
        "15:42",
        "binds `eniId` to `InterfaceID`, which is not a parameter of this file",
    ),
    (
        "\"eniId\": \"InterfaceId\" }",
        "\"eniId\": \"InterfaceId\", \"eniId\": \"Degrees\" }",
        "",
        "a key is given twice",
    ),
    (
        "\"eniId\": \"InterfaceId\" } }",
        "\"eniId\": \"InterfaceId\" }, \"optional\": true }",
        "14:3",
        "`resources` contain no resource that is always judged",
    ),
    (
        "\"code\": \"NotThere\", \"message\": \"It is gone.\" }",
        "\"code\": \"NotThere\", \"message\": \"1\" }, { \"status\": 404, \"code\": \"NotThere\", \"message\": \"1\" }",
        "21:30",
        "`NotThere` occurs twice with the same message",
    ),
    ("\"status\": 404", "\"status\": 200", "21:30", "`NotThere` has status 200"),
    ("\"status\": 404", "\"status\": 302", "21:30", "`NotThere` has status 302"),
    ("\"schema\": 1", "\"schema\": 2", "2:3", "`schema` is 2"),
    ("\"schema\": 1,", "\"schema\": 1, \"schema\": 1,", "", "duplicate field `schema`"),
    ("\"source\": \"a test\"", "\"sauce\": \"a test\"", "6:9", "unknown field `sauce`"),
    ("\"required\": true }", "\"required\": true, \"requierd\": true }", "", "unknown field `requierd`"),
    (
        "\"maximum\": 9 }",
        "\"maximum\": 9, \"required\": true, \"state\": \"unavailable\" }",
        "12:15",
        "`Degrees` is required but not available",
    ),
    ("\"type\": \"integer\"", "\"type\": \"string\"", "12:15", "`Degrees` has a range but is not an integer"),
    (
        "\"name\": \"Degrees\", \"type\": \"integer\", \"minimum\": 0, \"maximum\": 9",
        "\"name\": \"SourceRegion\", \"type\": \"region\"",
        "9:3",
        "`parameters` contain two regions",
    ),
    ("\"name\": \"Degrees\"", "\"name\": \"RegionId\"", "10:15", "`RegionId` is given twice"),
    ("\"name\": \"Degrees\"", "\"name\": \"Timestamp\"", "12:15", "`Timestamp` is defined in `common.json`"),
    ("\"name\": \"Degrees\"", "\"name\": \"OwnerId\"", "12:15", "`OwnerId` is defined in `common.json`"),
    (
        "\"malformed\": \"BadEni\"",
        "\"malformed\": \"NotThere\"",
        "11:91",
        "`NotThere` is not a row of this file with status 400",
    ),
    ("\"malformed\": \"BadEni\"", "\"mangled\": \"BadEni\"", "", "unknown field `mangled`"),
    ("\"type\": \"integer\"", "\"type\": \"number\"", "", "unknown variant `number`"),
    ("\"implicit-deny\"", "\"polite-deny\"", "", "unknown variant `polite-deny`"),
    ("\"ecs:FreezeInterface\"", "\"ecs:*\"", "7:13", "`ecs:*`"),
];

#[test]
fn each_error_in_a_file_is_reported_at_its_place() {
    let mut failures = Vec::new();
    for (from, to, place, said) in BAD {
        assert_eq!(GOOD.matches(from).count(), 1, "the good file must contain `{from}` once");
        let found = diagnostics(&GOOD.replacen(from, to, 1));
        let good = found.iter().any(|line| line.starts_with(&format!("freeze.json:{place}")) && line.contains(said));
        if !good {
            failures.push(format!("`{to}` at {place}: {found:#?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn all_errors_of_a_file_are_reported_together() {
    let bad = GOOD.replace("\"status\": 404", "\"status\": 200").replace("{#eniId}", "{#other}");
    let found = diagnostics(&bad).join("\n");
    for said in
        ["`NotThere` has status 200", "`{#other}` is unknown", "`eniId` is bound but the template does not use it"]
    {
        assert!(found.contains(said), "no `{said}`: {found}");
    }
}

#[test]
fn an_operation_in_two_files_is_an_error() {
    let found = read(COMMON, &[GOOD, GOOD]).unwrap_err();
    assert!(found.iter().any(|line| line.contains("`FreezeInterface` is defined twice")), "{found:?}");
}

#[test]
fn a_rejection_without_an_answer_is_an_error() {
    for refusal in RejectionReason::ALL {
        let name = format!("\"{}\":", refusal.name());
        let without: Vec<_> = COMMON.lines().filter(|line| !line.trim_start().starts_with(&name)).collect();
        assert_eq!(without.len() + 1, COMMON.lines().count(), "{name} must be on one line of its own");
        let without = without.join("\n").replace("},\n  },", "}\n  },");
        let found = read(&without, &[]).unwrap_err();
        let said = format!("`refusals` lacks `{}`", refusal.name());
        assert!(found.iter().any(|line| line.contains(&said)), "{said}: {found:?}");
    }
}

#[test]
fn a_denial_can_only_have_status_403() {
    for (from, to) in [
        ("\"denials\": [", "\"denials\": [{\"status\": 400, \"code\": \"Forbidden.RegionId\"},"),
        (
            "\"explicit-deny\": {\"status\": 403, \"code\": \"Forbidden.SubUser\"",
            "\"explicit-deny\": {\"status\": 500, \"code\": \"InternalError\"",
        ),
        ("\"status\": 400, \"code\": \"Forbidden.RegionId\"", "\"status\": 403, \"code\": \"Forbidden.RegionId\""),
    ] {
        assert!(COMMON.contains(from), "{from}");
        assert!(read(&COMMON.replace(from, to), &[]).is_err(), "{to}");
    }
    let bundled = Catalog::bundled();
    for code in ["Forbidden.SubUser", "Forbidden.RAM"] {
        assert_eq!(bundled.denial(code).unwrap().status, 403, "{code}");
    }
    for code in ["Forbidden", "Forbidden.RegionId", "InvalidEniId.NotFound", ""] {
        assert!(bundled.denial(code).is_err(), "{code}");
    }
}

#[test]
fn attach_has_the_parameters_and_resources_of_the_vendors_page() {
    let catalog = Catalog::bundled();
    let attach = catalog.operation("AttachNetworkInterface").unwrap();
    let parameters: Vec<_> = attach.parameters().iter().map(|spec| (spec.name.as_str(), spec.required)).collect();
    let page = [
        ("RegionId", true),
        ("NetworkInterfaceId", true),
        ("InstanceId", true),
        ("TrunkNetworkInstanceId", false),
        ("WaitForNetworkConfigurationReady", false),
        ("NetworkCardIndex", false),
    ];
    assert_eq!(parameters, page);
    let templates: Vec<_> =
        attach.resources().iter().map(|spec| (spec.kind.as_str(), spec.template.as_str(), spec.optional)).collect();
    let page = [
        ("NetworkInterface", "acs:ecs:{#regionId}:{#accountId}:eni/{#eniId}", false),
        ("Instance", "acs:ecs:{#regionId}:{#accountId}:instance/{#instanceId}", false),
    ];
    assert_eq!(templates, page);
    assert_eq!((attach.action().as_str(), attach.access()), ("ecs:AttachNetworkInterface", Access::Write));
    assert_eq!((attach.product(), attach.version()), ("Ecs", "2014-05-26"));
    assert_eq!(attach.parameters()[3].state, State::Unavailable);
    assert_eq!(attach.parameters()[4].state, State::Retired);
}

#[test]
fn attach_has_the_error_rows_of_the_vendors_page_in_its_order() {
    let page: Vec<serde_json::Value> = serde_json::from_str(PAGE_ROWS).unwrap();
    let catalog = Catalog::bundled();
    let rows = catalog.operation("AttachNetworkInterface").unwrap().errors();
    assert_eq!((page.len(), rows.len()), (63, 63));
    for (at, (row, page)) in rows.iter().zip(&page).enumerate() {
        let row = serde_json::json!({ "status": row.status, "code": row.code, "message": row.message });
        assert_eq!(row, *page, "row {at}");
    }
    for twice in ["InvalidOperation.InvalidEcsState", "InvalidEni.NotSameVpc"] {
        let [first, second] = rows.iter().filter(|row| row.code == twice).collect::<Vec<_>>()[..] else { panic!() };
        assert_ne!((first.status, &first.message), (second.status, &second.message), "{twice}");
    }
}

#[test]
fn every_file_of_the_folder_is_bundled_under_its_name() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/ecs");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let catalog = Catalog::bundled();
    let bundled: BTreeSet<String> = catalog.operations().map(|operation| operation.name().to_owned()).collect();
    assert_eq!(bundled, files);
    assert_eq!(bundled.len(), 14);
    for operation in catalog.operations() {
        let name = operation.name();
        assert_eq!(operation.action().as_str(), format!("ecs:{name}"));
        assert_eq!((operation.product(), operation.version()), ("Ecs", "2014-05-26"), "{name}");
        assert!(operation.source().contains("http"), "{name} does not cite a source");
        assert!(operation.parameters().iter().any(|spec| spec.kind == Kind::Region), "{name}");
        for denial in [RejectionReason::ImplicitDeny, RejectionReason::ExplicitDeny] {
            assert_eq!(operation.answers().answer(denial, "").status, 403, "{name}");
        }
    }
}

/// The loader's diagnostics about one file, as `file:line:column: title; help`.
fn diagnostics(text: &str) -> Vec<String> {
    read(COMMON, &[text]).err().unwrap_or_default()
}

fn read(common: &str, operations: &[&str]) -> Result<Catalog, Vec<String>> {
    let operations: Vec<_> = operations.iter().map(|text| Source::new("freeze.json", *text)).collect();
    Catalog::read(&Source::new("common.json", common), &Source::new("condition-keys.json", KEYS), &operations)
        .map_err(|diagnostics| diagnostics.iter().map(ToString::to_string).collect())
}

/// The three classes of keys, for operations with a file in the catalogue and for one without.
#[test]
fn each_condition_key_is_supplied_absent_or_unknown_for_an_operation() {
    let catalog = Catalog::bundled();
    let other = Unlisted { name: "RunInstances", version: "2014-05-26", service: "ecs", product: "Ecs" };
    let other = catalog.unlisted(other).unwrap();
    let class = |operation: &Operation, key: &str| match catalog.key_supply(operation, &key.parse().unwrap()) {
        KeySupply::Always | KeySupply::Sometimes => "supplied",
        KeySupply::Never(_) => "absent",
        KeySupply::Unknown(_) => "unknown",
    };
    for (key, attach, create, describe, run) in [
        ("acs:CurrentTime", "supplied", "supplied", "supplied", "supplied"),
        ("acs:SourceIp", "supplied", "supplied", "supplied", "supplied"),
        ("acs:PrincipalARN", "supplied", "supplied", "supplied", "supplied"),
        ("acs:MFAPresent", "absent", "absent", "absent", "absent"),
        ("acs:ResourceTag/env", "supplied", "supplied", "supplied", "unknown"),
        ("ecs:tag/env", "supplied", "supplied", "supplied", "unknown"),
        ("acs:ResourceGroupId", "supplied", "supplied", "supplied", "unknown"),
        ("acs:RequestTag/env", "absent", "supplied", "unknown", "unknown"),
        ("acs:TagKeys", "absent", "supplied", "unknown", "unknown"),
        ("acs:SourceVpc", "unknown", "unknown", "unknown", "unknown"),
        ("acs:Unheard", "unknown", "unknown", "unknown", "unknown"),
        ("ecs:InstanceType", "absent", "absent", "absent", "unknown"),
        ("ecs:Unheard", "absent", "absent", "absent", "unknown"),
        ("vpc:VPC", "absent", "unknown", "absent", "unknown"),
        ("vpc:tag/env", "absent", "unknown", "absent", "unknown"),
        ("rds:ResourceTag/env", "absent", "absent", "absent", "absent"),
        ("sts:ExternalId", "absent", "absent", "absent", "absent"),
    ] {
        let operation = |name: &str| class(catalog.operation(name).unwrap(), key);
        let found =
            (operation("AttachNetworkInterface"), operation("CreateNetworkInterface"), operation("DescribeInstances"));
        assert_eq!((found, class(&other, key)), ((attach, create, describe), run), "{key}");
    }
}

#[test]
fn an_inconsistent_table_of_condition_keys_is_refused() {
    let errors = |from: &str, to: &str| {
        assert!(KEYS.contains(from), "{from}");
        let keys = Source::new("condition-keys.json", KEYS.replacen(from, to, 1));
        let diagnostics = Catalog::read(&Source::new("common.json", COMMON), &keys, &[]).unwrap_err();
        diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (from, to, expected) in [
        ("\"schema\": 1", "\"schema\": 2", "`schema` is 2"),
        ("\"name\": \"vpc:VPC\"", "\"name\": \"VPC\"", "is not a condition key"),
        ("\"name\": \"vpc:VPC\"", "\"name\": \"vpc:isdefaultvpc\"", "is given twice"),
        ("\"class\": \"absent\"", "\"class\": \"by-operation\"", "has a class that contradicts"),
        ("\"class\": \"absent\"", "\"class\": \"supplied\"", "has no reason although its class needs one"),
        (
            "\"class\": \"supplied\",",
            "\"class\": \"supplied\", \"instead\": \"another\",",
            "but its class is not `unknown`",
        ),
        ("\"source\": \"ecs\"", "\"source\": \"hearsay\"", "names a source that is not in `sources`"),
        ("\"class\": \"absent\"", "\"class\": \"perhaps\"", "unknown variant `perhaps`"),
    ] {
        let errors = errors(from, to);
        assert!(errors.contains(expected), "{from} -> {to}: {errors}");
    }
    let create =
        include_str!("../../src/catalog/ecs/CreateNetworkInterface.json").replacen("vpc:VPC", "acs:SourceIp", 1);
    let diagnostics = diagnostics(&create).join("\n");
    assert!(
        diagnostics.contains("`acs:SourceIp` is not a key of `condition-keys.json` that operations list"),
        "{diagnostics}"
    );
}
