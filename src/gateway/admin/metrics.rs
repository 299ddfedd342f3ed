//! Metrics in the Prometheus text format. Label values are words of the gateway's own, or a bounded number of the
//! upstream's codes, so the number of series is bounded.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::space::LogSpace;
use crate::audit::{LogStatus, Shortage};
use crate::catalog::OwnKeyClass;
use crate::gateway::call::Count;
use crate::gateway::listen::{Connections, Listeners, Occupancy, Reason};
use crate::gateway::parts::Gateway;
use crate::store::LoadedFileKind;

pub(super) fn text(
    gateway: &Gateway,
    log: Option<&LogStatus>,
    space: &LogSpace,
    files: &ChangedFiles,
    now: Timestamp,
) -> String {
    let mut page = Page(String::with_capacity(4096));
    page.head("ramgate_attempts_total", "counter", "Attempts, by verdict and code of the answer.");
    for (verdict, code, count) in gateway.parts.journal.attempts() {
        page.labelled("ramgate_attempts_total", &format!("verdict=\"{verdict}\",code=\"{code}\""), count);
    }
    page.answers(
        "ramgate_upstream_answers_total",
        "Answers of the upstream to forwarded calls, by status and code; status `none` if there was no answer.",
        &gateway.answers.of_upstream(),
    );
    page.answers(
        "ramgate_answers_total",
        "Answers of the gateway's own, by status and code.",
        &gateway.answers.of_gateway(),
    );
    page.keys(gateway);
    let name = "ramgate_attempts_counted_only_total";
    page.head(name, "counter", "Refused attempts that were counted but not written to the log one by one.");
    for (verdict, code, count) in gateway.parts.journal.unwritten() {
        page.labelled(name, &format!("verdict=\"{verdict}\",code=\"{code}\""), count);
    }
    let name = "ramgate_budget_refusals_total";
    page.head(name, "counter", "How often a budget was exhausted, by table and key of its limit.");
    for (whose, item, count) in gateway.parts.callers.budgets.refusals() {
        page.labelled(name, &format!("limits=\"{whose}\",key=\"{item}\""), count);
    }
    write_connections(&mut page, &gateway.listeners);
    if gateway.parts.in_force.issuing.is_some() {
        let name = "ramgate_credentials_indirect_total";
        page.head(
            name,
            "counter",
            "Refused requests for credentials: from a web page or a proxy, or with another host name.",
        );
        for (word, count) in gateway.indirect() {
            page.labelled(name, &format!("for=\"{word}\""), count);
        }
    }
    page.gauge("ramgate_nonces_held", "Nonces in memory at present.", gateway.parts.callers.nonces.held());
    page.gauge(
        "ramgate_nonces_capacity",
        "Nonces that fit into memory; when it is full, calls are refused.",
        gateway.parts.callers.identity.nonces.capacity,
    );
    let name = "ramgate_files_changed";
    page.head(name, "gauge", "Whether files have changed since the start; what was read at the start is in force.");
    for (kind, changed) in files.each() {
        page.labelled(name, &format!("kind=\"{kind}\""), u8::from(changed));
    }
    page.log(log, now);
    if let Some(free) = space.free() {
        page.gauge("ramgate_audit_free_bytes", "Free bytes of the audit log's file system.", free);
    }
    if let Some(below) = space.is_below() {
        page.gauge("ramgate_audit_below_min_free", "Whether the free space is less than `min_free`.", u8::from(below));
    }
    page.0
}

pub(super) struct Page(String);

impl Page {
    fn log(&mut self, log: Option<&LogStatus>, now: Timestamp) {
        let writable = log.is_some_and(|log| log.error.is_none());
        self.gauge("ramgate_audit_writable", "Whether the audit log can be written.", u8::from(writable));
        let Some(log) = log else { return };
        self.counter("ramgate_audit_lines_written_total", "Lines of attempts in the audit log.", log.written);
        let failed = "Lines that could not be written and whose calls were refused.";
        self.counter("ramgate_audit_lines_failed_total", failed, log.failed);
        let lost = "Lines that could not be written and whose calls were not refused.";
        self.counter("ramgate_audit_lines_lost_total", lost, log.lost);
        let name = "ramgate_audit_refusals_only_counted";
        self.head(
            name,
            "gauge",
            "Whether refused attempts are only counted at present, by the setting that is the reason.",
        );
        for (why, shortage) in [("min_free", Shortage::Space), ("rotate_size", Shortage::FileShare)] {
            self.labelled(name, &format!("why=\"{why}\""), u64::from(log.shortage == Some(shortage)));
        }
        if let Some(at) = log.last_sync {
            let age = now.duration_since(at).as_secs_f64().max(0.0);
            self.gauge("ramgate_audit_last_sync_age_seconds", "Time since lines last reached the disk.", age);
        }
        if !log.secondary.is_empty() {
            let name = "ramgate_audit_sink_lines_missed_total";
            self.head(name, "counter", "Lines that a secondary sink did not accept.");
            for sink in &log.secondary {
                self.labelled(name, &format!("sink=\"{}\"", sink.name), sink.missed);
            }
            let name = "ramgate_audit_sink_waiting_bytes";
            self.head(name, "gauge", "Bytes that wait to be sent to a secondary sink.");
            for sink in &log.secondary {
                self.labelled(name, &format!("sink=\"{}\"", sink.name), sink.waiting);
            }
        }
        if let Some(covered) = log.covered {
            self.counter("ramgate_audit_checkpoints_total", "Checkpoints written.", log.checkpoints);
            self.gauge("ramgate_audit_covered_line", "The last line that a checkpoint covers.", covered);
            let failing = u8::from(log.checkpoint_error.is_some());
            self.gauge("ramgate_audit_checkpoint_failing", "Whether the last checkpoint failed.", failing);
        }
    }

    fn answers(&mut self, name: &str, help: &str, counts: &[Count]) {
        self.head(name, "counter", help);
        for Count { status, code, calls } in counts {
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            self.labelled(name, &format!("status=\"{status}\",code=\"{code}\""), calls);
        }
    }

    fn keys(&mut self, gateway: &Gateway) {
        let refused = gateway.upstreams().map(|upstream| upstream.health().refused_keys().len()).sum::<usize>();
        let name = "ramgate_upstream_keys_refused";
        self.gauge(name, "The gateway's own keys that an upstream refuses at present.", refused);
        let name = "ramgate_upstream_key_refusals_total";
        let help = "Answers of an upstream that were about the gateway's own key, by class and code.";
        self.head(name, "counter", help);
        let mut counts: BTreeMap<(OwnKeyClass, &str), u64> = BTreeMap::new();
        for (class, code, count) in gateway.upstreams().flat_map(|upstream| upstream.health().counts()) {
            *counts.entry((class, code)).or_default() += count;
        }
        for ((class, code), count) in counts {
            self.labelled(name, &format!("class=\"{}\",code=\"{code}\"", class.as_str()), count);
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.line(format_args!("{name} {value}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.line(format_args!("{name} {value}"));
    }

    pub(super) fn labelled(&mut self, name: &str, labels: &str, value: impl Display) {
        self.line(format_args!("{name}{{{labels}}} {value}"));
    }

    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing to a `String` cannot fail");
    }
}

type OfOccupancy = fn(Occupancy) -> usize;

const GAUGES: [(&str, &str, OfOccupancy); 3] = [
    ("ramgate_connections_open", "Connections that hold a slot.", |it| it.open),
    ("ramgate_connections_authenticated", "Connections on which a caller has authenticated.", |it| it.authenticated),
    ("ramgate_connections_slots", "The maximum number of connections.", |it| it.slots),
];

fn write_connections(page: &mut Page, listeners: &Listeners) {
    let occupancies = listeners.all().map(|connections| (label(connections), connections.occupancy()));
    for (name, help, value) in GAUGES {
        page.head(name, "gauge", help);
        for (label, occupancy) in &occupancies {
            page.labelled(name, label, value(*occupancy));
        }
    }
    let name = "ramgate_connections_displaced_total";
    page.head(name, "counter", "Idle connections closed because new ones needed their slots.");
    for connections in listeners.all() {
        page.labelled(name, &label(connections), connections.displaced_ever());
    }
    let name = "ramgate_connections_turned_away_total";
    page.head(name, "counter", "Connections closed before a call was served, by reason.");
    for connections in listeners.all() {
        for reason in Reason::ALL {
            let labels = format!("{},reason=\"{}\"", label(connections), reason.word());
            page.labelled(name, &labels, connections.turned_away_ever(reason));
        }
    }
}

fn label(connections: &Connections) -> String {
    format!("listener=\"{}\"", connections.listener())
}

/// One flag for each kind of file, set by the task that watches the files.
#[derive(Debug, Default)]
pub struct ChangedFiles([AtomicBool; LoadedFileKind::ALL.len()]);

impl ChangedFiles {
    /// Marks a kind of file as changed or unchanged.
    pub fn mark(&self, kind: LoadedFileKind, changed: bool) {
        self.0[kind as usize].store(changed, Ordering::Relaxed);
    }

    /// The name of each kind, and whether a file of that kind has changed.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, bool)> {
        LoadedFileKind::ALL.into_iter().map(|(kind, word)| (word, self.0[kind as usize].load(Ordering::Relaxed)))
    }
}
