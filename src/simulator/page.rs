//! One page of a list: by number and size, or by token (`spec/ecs-eni.md` D.6).

use serde_json::{Value, json};

use crate::catalog::Answer;

use super::operation::{Turn, refused_parameter};

/// Old clients ask for up to 1000 and are content with fewer.
const LARGEST_PAGE: i64 = 100;
const USUAL_PAGE: i64 = 10;

/// Which part of a list a caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Numbered {
        number: i64,
        size: i64,
    },
    /// The items after the one whose id is the token: a list that changes meanwhile loses and repeats nothing.
    After {
        token: String,
        size: i64,
    },
}

impl Page {
    /// `largest` is the most that `MaxResults` may be.
    ///
    /// # Errors
    /// A `NextToken` that no answer of ours held.
    pub(super) fn read(turn: &Turn<'_>, largest: i64) -> Result<Self, Answer> {
        let token = turn.text("NextToken");
        if token.is_none() && turn.number("MaxResults").is_none() {
            let number = turn.number("PageNumber").unwrap_or(1).max(1);
            let size = turn.number("PageSize").unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
            return Ok(Self::Numbered { number, size });
        }
        let plain = |token: &str| token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if token.is_some_and(|token| !plain(token)) {
            return Err(refused_parameter("InvalidParameter", "`NextToken` is none that an answer held"));
        }
        let size = turn.number("MaxResults").unwrap_or(USUAL_PAGE).clamp(1, largest);
        Ok(Self::After { token: token.unwrap_or_default().to_owned(), size })
    }

    /// The answer: the page's items, shown, under `set` and `element`. `items` come in the order of their ids.
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
