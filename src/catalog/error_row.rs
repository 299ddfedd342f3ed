//! One row of a documented error table.

/// Status, code and message as the page prints them. In the message, `%s` stands for a text of the moment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRow {
    pub status: u16,
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl ErrorRow {
    /// The message with `%s` filled.
    pub fn fill(&self, text: &str) -> String {
        self.message.replacen("%s", text, 1)
    }
}
