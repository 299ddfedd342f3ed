//! The flat set of string parameters that make up an RPC call (`docs/spec/wire-protocol.md` 1.1).

use std::fmt;

/// Decoded parameters with unique names, in order of arrival.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// All names and values in sequence, in a single allocation.
    text: String,
    entries: Vec<Entry>,
}

/// One decoded parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The decoded name, in the caller's upper and lower case.
    pub name: &'a str,
    /// The decoded value; empty if the caller sent `name=`.
    pub value: &'a str,
    /// Where the caller sent it. A V3 signature covers the two places in different ways.
    pub place: Place,
}

/// Where a parameter was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the query of the request target.
    Query,
    /// In a body of type `application/x-www-form-urlencoded`.
    Form,
}

/// A parameter name occurs twice, so that two parsers could pick different values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter `{name}` occurs twice, in the {first} and in the {second}: send it once")]
pub struct RepeatedNameError {
    pub(crate) name: String,
    pub(crate) first: Place,
    pub(crate) second: Place,
}

/// Collects parameters and checks at the end that their names are unique.
#[derive(Debug, Default)]
pub struct ParametersBuilder {
    parameters: Parameters,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    start: u32,
    name_end: u32,
    end: u32,
    place: Place,
}

impl Parameters {
    /// The parameter with this exact name.
    pub fn find(&self, name: &str) -> Option<Parameter<'_>> {
        self.iter().find(|parameter| parameter.name == name)
    }

    /// The value of the parameter with this exact name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.find(name).map(|parameter| parameter.value)
    }

    /// The parameters, in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = Parameter<'_>> + Clone {
        self.entries.iter().map(|entry| Parameter {
            name: &self.text[entry.start as usize..entry.name_end as usize],
            value: &self.text[entry.name_end as usize..entry.end as usize],
            place: entry.place,
        })
    }

    /// The number of parameters.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl ParametersBuilder {
    /// Adds a parameter that `write` appends to the text: first the name, then the value, which starts at the returned
    /// offset.
    ///
    /// # Errors
    /// Any error of `write`.
    pub fn push_decoded<E>(
        &mut self,
        place: Place,
        write: impl FnOnce(&mut String) -> Result<usize, E>,
    ) -> Result<(), E> {
        let start = self.parameters.text.len();
        let name_end = write(&mut self.parameters.text)?;
        let offset = |at: usize| u32::try_from(at).expect("a request is bounded far below 4 GiB");
        self.parameters.entries.push(Entry {
            start: offset(start),
            name_end: offset(name_end),
            end: offset(self.parameters.text.len()),
            place,
        });
        Ok(())
    }

    /// Adds a parameter.
    pub fn push(&mut self, name: &str, value: &str, place: Place) {
        let write = |text: &mut String| {
            text.push_str(name);
            let name_end = text.len();
            text.push_str(value);
            Ok::<_, std::convert::Infallible>(name_end)
        };
        let Ok(()) = self.push_decoded(place, write);
    }

    /// The number of parameters that were added.
    pub(crate) fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Finishes the set.
    ///
    /// # Errors
    /// A name that occurs twice, even with equal values.
    pub fn finish(self) -> Result<Parameters, RepeatedNameError> {
        let mut order: Vec<Parameter<'_>> = self.parameters.iter().collect();
        order.sort_by(|a, b| a.name.cmp(b.name));
        let twice = order.windows(2).find(|pair| pair[0].name == pair[1].name);
        if let Some([first, second]) = twice {
            return Err(RepeatedNameError { name: first.name.to_owned(), first: first.place, second: second.place });
        }
        drop(order);
        Ok(self.parameters)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query => "query",
            Self::Form => "form body",
        })
    }
}

/// Shows names only: a value may be a signature or a security token.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|parameter| parameter.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_occur_once() {
        let mut builder = ParametersBuilder::default();
        builder.push("A", "1", Place::Query);
        builder.push("B", "", Place::Form);
        let parameters = builder.finish().unwrap();
        assert_eq!(parameters.value("B"), Some(""));
        assert_eq!(parameters.value("C"), None);

        let mut builder = ParametersBuilder::default();
        builder.push("A", "1", Place::Query);
        builder.push("A", "1", Place::Form);
        let repeated = RepeatedNameError { name: "A".into(), first: Place::Query, second: Place::Form };
        assert_eq!(builder.finish(), Err(repeated));
    }
}
