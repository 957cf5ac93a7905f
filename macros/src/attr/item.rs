//! One thing in an attribute's parentheses, whatever it means. Parsed apart from its meaning,
//! so that one wrong item does not hide the next.

use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Lit, Path, Token, token};

use crate::ctxt::Ctxt;

/// `"text"`, `word`, `name = value` or `name(items)`.
pub(crate) enum Item {
    Lit(Lit),
    Named(Ident, Value),
}

/// What stands behind a name.
pub(crate) enum Value {
    None,
    Lit(Lit),
    Path(Path),
    List(Vec<Item>),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Lit) {
            return Ok(Self::Lit(input.parse()?));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            if input.peek(Lit) { Value::Lit(input.parse()?) } else { Value::Path(input.call(Path::parse_mod_style)?) }
        } else if input.peek(token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Value::List(Punctuated::<Item, Token![,]>::parse_terminated(&content)?.into_iter().collect())
        } else {
            Value::None
        };
        Ok(Self::Named(name, value))
    }
}

/// All items of all attributes of that name.
pub(crate) fn items(ctxt: &Ctxt, attributes: &[Attribute], name: &str) -> Vec<Item> {
    let mut all = Vec::new();
    for attribute in attributes.iter().filter(|it| it.path().is_ident(name)) {
        if !matches!(attribute.meta, syn::Meta::List(_)) {
            ctxt.error(&attribute.meta, format!("`#[{name}]` takes a list: `#[{name}(...)]`"));
            continue;
        }
        match attribute.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated) {
            Ok(items) => all.extend(items),
            Err(error) => ctxt.push(error),
        }
    }
    all
}
