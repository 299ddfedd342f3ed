//! A sink whose script decides for each event whether it is kept.

use std::fmt;
use std::sync::Mutex;

use ramgate::audit::{Appended, LineClass, Sink, SinkError};
use serde_json::Value;

type Before = dyn Fn(&str) -> Result<(), SinkError> + Send + Sync;

pub struct ScriptedSink {
    kept: Mutex<Vec<String>>,
    before: Box<Before>,
    blocks: bool,
}

impl ScriptedSink {
    pub fn new(before: impl Fn(&str) -> Result<(), SinkError> + Send + Sync + 'static) -> Self {
        Self { kept: Mutex::default(), before: Box::new(before), blocks: false }
    }

    /// A sink that declares that it blocks.
    pub fn blocking(before: impl Fn(&str) -> Result<(), SinkError> + Send + Sync + 'static) -> Self {
        Self { blocks: true, ..Self::new(before) }
    }

    pub fn events(&self) -> Vec<Value> {
        let events: Vec<Value> =
            self.kept.lock().unwrap().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        events.iter().for_each(super::schema::check_event);
        events
    }
}

impl Sink for ScriptedSink {
    fn append(&self, _: LineClass, event: &str) -> Result<Appended, SinkError> {
        (self.before)(event)?;
        self.kept.lock().unwrap().push(event.to_owned());
        Ok(Appended::Written)
    }

    fn blocks(&self) -> bool {
        self.blocks
    }
}

impl fmt::Debug for ScriptedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedSink").field("blocks", &self.blocks).finish_non_exhaustive()
    }
}
