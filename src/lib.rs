//! `ramgate` stands in front of Alibaba Cloud's ECS endpoints: it reads a call, learns who is calling, judges it by RAM
//! policies, writes the attempt down, and forwards the call or answers with the documented refusal.
//!
//! ```text
//!  caller ──▶ server ──▶ wire ──▶ identity ──▶ catalog ──▶ pdp ──▶ audit ──▶ upstream ──▶ ECS
//!             accept,    one       who          what is     may     written    the only
//!             limits     reading   calls        asked       they?   down       sender
//!                └──────────┴─────────┴────────────┴──────────┴────────┴── stop ──▶ answer (+ audit)
//! ```
//!
//! # The house
//!
//! A module imports only from layers below its own, never sideways; a test reads the sources and fails when one does
//! not. What each may know stands at the head of its `mod.rs`.
//!
//! Below all of them is [`ram_policy`], the engine: a crate of its own.
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`ram`] the nouns; [`text`] text for people |
//! | 1 | [`wire`] one reading of bytes; [`catalog`] what the vendor documents, as data; [`budget`] what each caller may use in a minute |
//! | 2 | [`identity`] who calls; [`pdp`] the decision point; [`envelope`] the form of an answer |
//! | 3 | [`audit`] the log, written, read and verified; [`config`] the settings; [`suite`] policy tests; [`lint`] what loads and is not meant |
//! | 4 | [`store`] files on disk; [`simulator`] the embedded ECS |
//! | 5 | [`gateway`] the enforcement point; [`replay`] recorded attempts judged again, and least-privilege policies made from them |
//! | 6 | [`serve`] from settings to a running gateway |
//! | 7 | [`cli`] the command line |
//!
//! # Three ideas
//!
//! Judging is a total function: [`ram_policy::evaluate`] does no I/O, reads no clock and cannot fail. Permission is a value:
//! only [`pdp`] makes a [`pdp::Permit`], only [`audit`] makes an [`audit::Recorded`], and the one function that sends
//! takes exactly that. What the vendor documents is data: a new ECS operation is a new file in `catalog/ecs`.
//!
//! Where comments cite `docs/spec/…`, they name what was found out about the vendor's behaviour, with its sources.
#![forbid(unsafe_code)]
#![allow(rustdoc::private_intra_doc_links, reason = "the map above names every room, public or not")]

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

/// What the project's own tests, benches and fuzz targets use beyond the public rooms. No promise is made for it.
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
