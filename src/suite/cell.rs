//! A bound suite: cases, and one cell for each combination of a case's matrix.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use crate::catalog::Answer;
use crate::pdp::{ActionRequest, Question};
use ram_policy::Position;

use super::expected::Expected;

/// A `[[case]]`.
#[derive(Clone, Debug)]
pub(super) struct SuiteCase {
    pub(super) name: String,
    /// Where its name stands.
    pub(super) position: Position,
    /// The reason why it is skipped.
    pub(super) skip: Option<String>,
    /// Its cells among those of the suite.
    pub(super) cells: Range<usize>,
    /// Which axes have more than one value.
    pub(super) varies: [bool; 4],
    /// What a denial is answered with.
    pub(super) denial: Arc<Answer>,
}

/// One call and what is expected of it.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The number of its case.
    pub(super) case: usize,
    pub(super) axes: Axes,
    pub(super) call: BoundCall,
    pub(super) expected: Expected,
}

/// A call as it is put to the decision point, or why it is not.
pub(super) type BoundCall = Result<Question<ActionRequest>, RefusedCall>;

/// The parameters never reach a policy.
#[derive(Clone, Debug)]
pub(super) struct RefusedCall {
    pub(super) answer: Answer,
}

/// Principal, ENI, instance and region, as they are written; what is none is not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Axes(pub(super) [Option<Arc<str>>; 4]);

impl Axes {
    /// The key of each axis in a case.
    pub(super) const NAMES: [&str; 4] = ["principal", "eni", "instance", "region"];

    pub(super) fn principal(&self) -> &str {
        self.0[0].as_deref().unwrap_or_default()
    }

    pub(super) fn eni(&self) -> Option<&str> {
        self.0[1].as_deref()
    }

    pub(super) fn instance(&self) -> Option<&str> {
        self.0[2].as_deref()
    }

    pub(super) fn region(&self) -> Option<&str> {
        self.0[3].as_deref()
    }

    /// The values of the axes that vary, such as `role/terway, eni-1`.
    pub(super) fn varying(&self, varies: [bool; 4]) -> String {
        let mut text = String::new();
        for value in self.0.iter().zip(varies).filter(|(_, varies)| *varies).filter_map(|(value, _)| value.as_deref()) {
            let _ = write!(text, "{}{value}", if text.is_empty() { "" } else { ", " });
        }
        text
    }
}

impl SuiteCase {
    /// The name of a cell: the case's as written, and where there is a matrix the values that tell it from the others.
    pub(super) fn name_of(&self, cell: &Cell) -> String {
        if self.cells.len() == 1 {
            return self.name.clone();
        }
        format!("{} [{}]", self.name, cell.axes.varying(self.varies))
    }
}
