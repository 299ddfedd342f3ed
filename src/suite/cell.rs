//! The cases of a bound suite, and their cells: one for each combination of a case's matrix.

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
    /// Where its name is in the suite's file.
    pub(super) position: Position,
    /// The reason, if the case is skipped.
    pub(super) skip: Option<String>,
    /// The range of its cells in the suite's list.
    pub(super) cells: Range<usize>,
    /// Which axes have more than one value.
    pub(super) varies: [bool; 4],
    /// The gateway's answer to a denial.
    pub(super) denial: Arc<Answer>,
}

/// One call and its expected result.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The index of its case.
    pub(super) case: usize,
    pub(super) axes: Axes,
    pub(super) call: BoundCall,
    pub(super) expected: Expected,
}

/// The question to the decision point, or the answer of a call that never reaches it.
pub(super) type BoundCall = Result<Question<ActionRequest>, RefusedCall>;

/// A call that is refused for its parameters, before any policy is consulted.
#[derive(Clone, Debug)]
pub(super) struct RefusedCall {
    pub(super) answer: Answer,
}

/// Principal, ENI, instance and region as written. A parameter that is `None` is not sent.
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
    /// The name of a cell: the case's name and, in a matrix, the values that distinguish the cell.
    pub(super) fn name_of(&self, cell: &Cell) -> String {
        if self.cells.len() == 1 {
            return self.name.clone();
        }
        format!("{} [{}]", self.name, cell.axes.varying(self.varies))
    }
}
