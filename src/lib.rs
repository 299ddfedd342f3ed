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
//! | layer | modules |
//! |---|---|
//! | 0 | [`ram`] the nouns; [`source`] a text a person wrote and complaints about it |
//! | 1 | [`wire`] one reading of bytes; [`policy`] RAM policies; [`catalog`] what the vendor documents, as data; [`budget`] what each caller may use in a minute |
//! | 2 | [`identity`] who calls; [`pdp`] the decision point; [`envelope`] the form of an answer |
//! | 3 | [`audit`] the log; [`config`] the settings; [`suite`] policy tests; [`lint`] what loads and is not meant |
//! | 4 | [`store`] files on disk; [`trail`] the log, read; [`simulator`] the embedded ECS |
//! | 5 | [`gateway`] the enforcement point; [`recorded`] what recorded attempts say |
//! | 6 | [`cli`] the command line |
//!
//! # Three ideas
//!
//! Judging is a total function: [`policy::evaluate`] does no I/O, reads no clock and cannot fail. Permission is a value:
//! only [`pdp`] makes a [`pdp::Permit`], only [`audit`] makes an [`audit::Recorded`], and the one function that sends
//! takes exactly that. What the vendor documents is data: a new ECS operation is a new file in `catalog/ecs`.
//!
//! Where comments cite `spec/…` or `design …`, they name the research and the design this was built from: notes that
//! are kept beside the project, not in it. What they say of the vendor is in the catalogue's files and the fixtures.
//!
//! Without default features everything below `identity` and `gateway` builds, without hyper or tokio.
#![forbid(unsafe_code)]

pub mod audit;
pub mod budget;
pub mod catalog;
#[cfg(feature = "gateway")]
pub mod cli;
#[cfg(feature = "identity")]
pub mod config;
pub mod envelope;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "identity")]
pub mod identity;
pub mod lint;
pub mod pdp;
pub mod policy;
pub mod ram;
pub mod recorded;
#[cfg(feature = "gateway")]
pub mod simulator;
pub mod source;
pub mod store;
pub mod suite;
pub mod trail;
pub mod wire;
