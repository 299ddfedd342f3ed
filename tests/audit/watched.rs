//! The `[admin]` listener: health, readiness and metrics of a running gateway.

use crate::support::house::{House, get};
use crate::support::{Caller, ENI, INSTANCE, Shape, ask, wait_for};

#[test]
fn health_and_metrics_contain_numbers_but_no_text_from_callers() {
    let house = House::new("[audit]\nsync = \"group\"\nmin_free = \"1000000GiB\"\n[admin]\nlisten = \"127.0.0.1:0\"");
    let server = house.start();
    let admin = server.address_after("metrics at http://");
    assert_eq!((get(admin, "/healthz").status, get(admin, "/readyz").status), (200, 200));
    assert_eq!((get(admin, "/").status, get(admin, "/metrics/").status), (404, 404));
    assert_eq!(ask(admin, b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status, 405);
    for _ in 0..3 {
        assert_eq!(house.status(&server), 200);
    }
    let address = crate::support::house::address(&server);
    let stranger = Caller::new("LTAI5tSomebodyElse00", "no secret of ours");
    let parameters = [("RegionId", "cn-hangzhou"), ("NetworkInterfaceId", ENI), ("InstanceId", INSTANCE)];
    let unknown = ask(address, &stranger.request(Shape::V1Get, &parameters));
    assert_eq!(unknown.code(), "InvalidAccessKeyId.NotFound");
    let forged = Caller { secret: "a guess".to_owned(), ..Caller::new("LTAI5tCarol000000000", "") };
    assert_eq!(ask(address, &forged.calling("\"} evil 1").request(Shape::V1Get, &parameters)).status, 400);
    // Two lines for each allowed call. Below `min_free`, refused calls are only counted.
    let all = || get(admin, "/metrics").body;
    wait_for("six lines", || all().contains("\nramgate_audit_lines_written_total 6\n"));
    wait_for("a check of the free space", || all().contains("\nramgate_audit_below_min_free 1\n"));
    wait_for("a sync", || all().contains("\nramgate_audit_last_sync_age_seconds "));
    let page = all();
    for line in [
        "ramgate_attempts_total{verdict=\"Allow\",code=\"\"} 3",
        "ramgate_attempts_total{verdict=\"Refused\",code=\"InvalidAccessKeyId.NotFound\"} 1",
        "ramgate_audit_lines_failed_total 0",
        "ramgate_audit_lines_lost_total 0",
        "ramgate_audit_writable 1",
        "ramgate_attempts_counted_only_total{verdict=\"Refused\",code=\"InvalidAccessKeyId.NotFound\"} 1",
        "ramgate_audit_refusals_only_counted{why=\"min_free\"} 1",
        "ramgate_audit_refusals_only_counted{why=\"rotate_size\"} 0",
        "ramgate_connections_turned_away_total{listener=\"calls\",reason=\"slots\"} 0",
        "ramgate_connections_displaced_total{listener=\"calls\"} 0",
        "ramgate_connections_slots{listener=\"calls\"} 1024",
        "ramgate_nonces_held 3",
        "ramgate_nonces_capacity 8388608",
    ] {
        assert!(page.lines().any(|written| written == line), "no `{line}`: {page}");
    }
    assert!(page.contains("\nramgate_audit_free_bytes "), "{page}");
    for secret in ["LTAI", "evil", "carol", "the secret"] {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok() && name.starts_with("ramgate_"), "{line}");
    }
    assert!(server.stderr().contains("the audit log's file system is filling up"));
}
