//! Reports of a verification, one file a format. Pure: an outcome in, a text out.

mod clause;
mod escape;
mod html;
mod json;
mod junit;
mod markdown;
mod sarif;
mod text;
mod versions;
mod words;

pub use html::{STYLE, html};
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;
pub use text::{Colours, text, text_with};
pub(crate) use words::shortened;
