//! `ramgate` is a gateway in front of Alibaba Cloud's ECS endpoints. It reads a call, authenticates the caller,
//! evaluates RAM policies, writes the attempt to the audit log, and then forwards the call or answers with the
//! documented error.
//!
//! ```text
//!  caller ──▶ listen ──▶ wire ──▶ identity ──▶ catalog ──▶ pdp ──▶ audit ──▶ upstream ──▶ ECS
//!             accept,    one       who          what is     may     written   the only
//!             limits     reading   calls        asked       they?   to disk   sender
//!                └──────────┴─────────┴────────────┴──────────┴───────┴── rejection ──▶ answer (+ audit)
//! ```
//!
//! # The layers
//!
//! A module imports only from layers below its own, never sideways. `tests/tidy.rs` reads the sources and fails if a
//! module breaks this rule. The head of each `mod.rs` says what the module must not know.
//!
//! The engine, [`ram_policy`], is a separate crate below all layers.
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`ram`] the nouns that a gateway adds; [`text`] text for people |
//! | 1 | [`wire`] one reading of bytes; [`catalog`] what the vendor documents, as data; [`budget`] what each caller may use in a minute |
//! | 2 | [`identity`] who calls; [`pdp`] the decision point; [`envelope`] the form of an answer |
//! | 3 | [`audit`] the log, written, read and verified; [`config`] the settings; [`suite`] policy tests; [`lint`] policies that load but are probably wrong |
//! | 4 | [`store`] files on disk; [`simulator`] the embedded ECS |
//! | 5 | [`gateway`] the enforcement point; [`replay`] recorded attempts judged again, and least-privilege policies made from them |
//! | 6 | [`serve`] from settings to a running gateway |
//! | 7 | [`cli`] the command line |
//!
//! # Three ideas
//!
//! Judging is a total function: [`ram_policy::evaluate`] does no I/O, reads no clock and cannot fail. Permission is a
//! value: only [`pdp`] makes a [`pdp::Permit`], only [`audit`] makes an [`audit::Recorded`] from it, and the one
//! function that sends to ECS takes a recorded permit. What the vendor documents is data: a new ECS operation is a new
//! file in
//! `catalog/ecs`.
//!
//! Comments cite `docs/spec/…`, which documents the vendor's behaviour with sources.
#![forbid(unsafe_code)]
#![allow(rustdoc::private_intra_doc_links, reason = "the table above links private modules too")]

pub mod audit;
pub mod budget;
pub mod catalog;
pub mod cli;
pub mod config;
pub(crate) mod envelope;
pub mod gateway;
pub mod identity;
pub mod lint;
pub mod pdp;
pub mod ram;
pub mod replay;
pub mod serve;
pub mod simulator;
pub mod store;
pub mod suite;
pub(crate) mod text;
pub(crate) mod wire;

/// Private modules that the project's own tests, benches and fuzz targets use. Not part of the public API.
#[doc(hidden)]
pub mod testing {
    pub mod envelope {
        pub use crate::envelope::*;
    }
    pub mod text {
        pub use crate::text::*;
    }
    pub mod wire {
        pub use crate::wire::*;
    }
}
