//! One page of a list: by number and size, or by token (`docs/spec/ecs-eni.md` D.6).

use serde_json::{Value, json};

use crate::catalog::Answer;

use super::invocation::{Invocation, refused_parameter};

/// Old clients request up to 1000, but accept fewer.
const LARGEST_PAGE: i64 = 100;
const USUAL_PAGE: i64 = 10;

/// The requested part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Numbered {
        number: i64,
        size: i64,
    },
    /// The items after the one whose id is the token. No items are lost or repeated if the list changes in the
    /// meantime.
    After {
        token: String,
        size: i64,
    },
}

impl Page {
    /// Reads the paging parameters. `largest` is the maximum of `MaxResults`.
    ///
    /// # Errors
    /// The `NextToken` cannot come from an answer of this program.
    pub(super) fn read(invocation: &Invocation<'_>, largest: i64) -> Result<Self, Answer> {
        let token = invocation.text("NextToken");
        if token.is_none() && invocation.number("MaxResults").is_none() {
            let number = invocation.number("PageNumber").unwrap_or(1).max(1);
            let size = invocation.number("PageSize").unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
            return Ok(Self::Numbered { number, size });
        }
        let plain = |token: &str| token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if token.is_some_and(|token| !plain(token)) {
            return Err(refused_parameter("InvalidParameter", "`NextToken` is not a token from an earlier answer"));
        }
        let size = invocation.number("MaxResults").unwrap_or(USUAL_PAGE).clamp(1, largest);
        Ok(Self::After { token: token.unwrap_or_default().to_owned(), size })
    }

    /// The answer, with the page's items under `set` and `element`. `items` must be sorted by id.
    pub(super) fn answer<T>(
        &self,
        items: &[(&str, T)],
        (set, element): (&str, &str),
        show: impl Fn(&T) -> Value,
    ) -> Value {
        let (start, size) = match self {
            Self::Numbered { number, size } => (number.saturating_sub(1).saturating_mul(*size), *size),
            Self::After { token, size } => {
                let start = items.partition_point(|(id, _)| *id <= token.as_str());
                (i64::try_from(start).unwrap_or(i64::MAX), *size)
            }
        };
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(items.len());
        let end = start.saturating_add(usize::try_from(size).unwrap_or_default()).min(items.len());
        let shown: Vec<Value> = items[start..end].iter().map(|(_, item)| show(item)).collect();
        let last = items[start..end].last().map_or("", |(id, _)| *id);
        let (number, next) = match self {
            Self::Numbered { number, .. } => (*number, ""),
            Self::After { .. } if end < items.len() => (1, last),
            Self::After { .. } => (1, ""),
        };
        json!({
            "TotalCount": items.len(),
            "PageNumber": number,
            "PageSize": size,
            "NextToken": next,
            set: {element: shown},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_list_once() {
        let items: Vec<(&str, u8)> = vec![("a", 1), ("b", 2), ("c", 3)];
        let page = |page: &Page| page.answer(&items, ("S", "E"), |item| json!(item));
        assert_eq!(page(&Page::Numbered { number: 2, size: 2 })["S"]["E"], json!([3]));
        assert_eq!(page(&Page::Numbered { number: i64::MAX, size: 100 })["S"]["E"], json!([]));
        let first = page(&Page::After { token: String::new(), size: 2 });
        assert_eq!((&first["S"]["E"], &first["NextToken"]), (&json!([1, 2]), &json!("b")));
        let second = page(&Page::After { token: "b".to_owned(), size: 2 });
        assert_eq!((&second["S"]["E"], &second["NextToken"]), (&json!([3]), &json!("")));
    }
}
