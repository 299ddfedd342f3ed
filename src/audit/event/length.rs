//! Lines that stay as short as they have to be.

use std::borrow::Cow;

use super::super::cut::{Cut, ENVELOPE, LONGEST_PERMITTED, LONGEST_REFUSED, PARAMETER_BYTES, fitting};
use super::super::sink::SinkFault;
use super::{Event, join};

impl<'a> Event<'a> {
    /// Keeps the parameters that fit into so many bytes.
    pub(in super::super) fn with_few_parameters(mut self, bytes: usize) -> Self {
        let fitting = fitting(self.request_parameters, bytes);
        let parameters = self.request_parameters.len() - fitting;
        self.request_parameters = &self.request_parameters[..fitting];
        self.cutting(Cut { parameters, ..Cut::default() })
    }

    /// Without what the decision's line says already.
    pub(in super::super) fn in_brief(mut self) -> Self {
        self.request_parameters = &[];
        let gateway = &mut self.additional_event_data.gateway;
        (gateway.decision, gateway.cut) = (None, None);
        self
    }

    /// The line of an attempt that was permitted.
    ///
    /// # Errors
    /// A line that would be too long although everything was left out of it that may be.
    pub(in super::super) fn to_permitted_text(&self) -> Result<String, SinkFault> {
        let text = self.to_text();
        if text.len() <= LONGEST_PERMITTED - ENVELOPE {
            return Ok(text);
        }
        Err(SinkFault(format!("the line of the call would have {} bytes, and at most 1 MiB goes", text.len())))
    }

    /// The line of an attempt that was refused: short, whatever the caller sent.
    pub(in super::super) fn into_refused_text(self) -> String {
        let few = self.with_few_parameters(PARAMETER_BYTES).with_few_names();
        let text = few.to_text();
        if text.len() <= LONGEST_REFUSED - ENVELOPE {
            return text;
        }
        few.with_few_parameters(0).with_short_texts().to_text()
    }

    /// Names that callers choose, as many as say what it was about.
    fn with_few_names(mut self) -> Self {
        const FEW: usize = 16;
        let gateway = &mut self.additional_event_data.gateway;
        let parameters = gateway.left_out.len().saturating_sub(FEW);
        gateway.left_out.truncate(FEW);
        if self.referenced_resources.len() > FEW {
            self.referenced_resources.truncate(FEW);
            (self.resource_type, self.resource_name) = (None, None);
            for (kind, name) in &self.referenced_resources {
                join(&mut self.resource_type, kind);
                join(&mut self.resource_name, name);
            }
        }
        self.cutting(Cut { parameters, ..Cut::default() })
    }

    /// For the last resort: a caller whose every text is as long in JSON as one can be.
    fn with_short_texts(mut self) -> Self {
        const SHORT: usize = 64;
        let shorten = |text: &mut Cow<'a, str>| *text = Cow::Owned(text.chars().take(SHORT).collect());
        shorten(&mut self.event_name);
        shorten(&mut self.api_version);
        shorten(&mut self.event_source);
        shorten(&mut self.acs_region);
        shorten(&mut self.user_agent);
        self.error_message.iter_mut().for_each(shorten);
        let gateway = &mut self.additional_event_data.gateway;
        gateway.left_out.clear();
        gateway.reason.iter_mut().for_each(shorten);
        gateway.signature.issuer.iter_mut().for_each(shorten);
        gateway.signature.subject.iter_mut().for_each(shorten);
        self
    }
}
