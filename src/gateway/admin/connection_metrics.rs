//! Metrics of connections, by listener.

use super::super::connections::{Connections, Listeners, Occupancy, Reason};
use super::metrics::Page;

type OfOccupancy = fn(Occupancy) -> usize;

const GAUGES: [(&str, &str, OfOccupancy); 3] = [
    ("ramgate_connections_open", "Connections that hold a slot.", |it| it.open),
    ("ramgate_connections_authenticated", "Of them, those on which a caller authenticated.", |it| it.authenticated),
    ("ramgate_connections_slots", "Connections that there may be.", |it| it.slots),
];

pub(super) fn write(page: &mut Page, listeners: &Listeners) {
    let occupancies = listeners.all().map(|connections| (label(connections), connections.occupancy()));
    for (name, help, value) in GAUGES {
        page.head(name, "gauge", help);
        for (label, occupancy) in &occupancies {
            page.labelled(name, label, value(*occupancy));
        }
    }
    let name = "ramgate_connections_displaced_total";
    page.head(name, "counter", "Idle connections closed because others needed their slots.");
    for connections in listeners.all() {
        page.labelled(name, &label(connections), connections.displaced_ever());
    }
    let name = "ramgate_connections_turned_away_total";
    page.head(
        name,
        "counter",
        "Connections closed before their first call, by the reason; or with it, for `principal`.",
    );
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
