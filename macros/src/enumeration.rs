//! `#[derive(Enum)]`: from an enum without fields to its values.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, Ident, Lit, LitStr, Path};

use crate::ast::snake_case;
use crate::attr::{Item, Once, Value, items, option, path, text, unknown};
use crate::ctxt::Ctxt;
use crate::expand::location;
use crate::symbol::{
    BECOMES, CRATE, DROPPED, DROPPED_VALUE_KEYS, ENUMERATION, ENUMERATION_KEYS, NAME, RENAMED_FROM, VALUE, VARIANT_KEYS,
};

/// An enum that stands for a type of few values.
pub(crate) struct Enumeration<'a> {
    input: &'a DeriveInput,
    name: String,
    krate: Option<Path>,
    values: Vec<String>,
    /// New value and old one.
    renamed: Vec<(String, LitStr)>,
    dropped: Vec<Dropped>,
}

/// `dropped("late", becomes = "done")`
struct Dropped {
    value: LitStr,
    becomes: Option<LitStr>,
}

impl<'a> Enumeration<'a> {
    /// Reads what can be read, and notes what cannot.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput) -> Self {
        let (mut name, mut krate, mut gone) = (Once::default(), Once::default(), Vec::new());
        for item in items(ctxt, &input.attrs, ENUMERATION) {
            match &item {
                Item::Named(key, value) if key == NAME => name.set(ctxt, key, text(ctxt, key, value)),
                Item::Named(key, value) if key == CRATE => krate.set(ctxt, key, path(ctxt, key, value)),
                Item::Named(key, value) if key == DROPPED => gone.extend(dropped(ctxt, key, value)),
                other => unknown(ctxt, other, ENUMERATION_KEYS, ENUMERATION),
            }
        }
        if !input.generics.params.is_empty() {
            ctxt.error(&input.generics, "a type of the database has one shape: the enum cannot be generic");
        }
        let name: Option<LitStr> = name.value;
        let (values, renamed) = values(ctxt, input);
        intents(ctxt, &values, &renamed, &gone);
        Self {
            input,
            name: name.map_or_else(|| snake_case(&input.ident.unraw().to_string()), |it| it.value()),
            krate: krate.value,
            values,
            renamed,
            dropped: gone,
        }
    }

    /// `impl SqlType for X { ... }`; with mistakes, one without values, so that the uses of the enum give no second error.
    pub(crate) fn expand(&self, wrong: bool) -> TokenStream {
        let krate = self.krate.as_ref().map_or_else(|| quote!(::pontoon), |path| quote!(#path));
        let private = quote!(#krate::__private);
        let ident = &self.input.ident;
        let (generics, arguments, bounds) = self.input.generics.split_for_impl();
        let (name, enum_name, values) = (&self.name, ident.unraw().to_string(), &self.values);
        let at = location(&private, ident.span());
        let renamed = self.renamed.iter().map(|(new, old)| quote!((#new, #old)));
        let dropped = self.dropped.iter().map(|Dropped { value, becomes }| {
            let becomes = option(becomes);
            quote!(#private::DroppedValueDef { value: #value, becomes: #becomes })
        });
        let def = if wrong {
            quote!(::core::option::Option::None)
        } else {
            quote! {
                ::core::option::Option::Some(&#private::EnumDef {
                    name: #name,
                    enum_name: #enum_name,
                    at: #at,
                    values: &[#(#values),*],
                    renamed: &[#(#renamed),*],
                    dropped: &[#(#dropped),*],
                })
            }
        };
        quote! {
            const _: () = {
                #[automatically_derived]
                impl #generics #private::SqlType for #ident #arguments #bounds {
                    const KIND: #private::Kind = #private::Kind::Enum;
                    const ENUM: ::core::option::Option<&'static #private::EnumDef> = #def;
                }
            };
        }
    }
}

/// The values, and those that had another one before.
fn values(ctxt: &Ctxt, input: &DeriveInput) -> (Vec<String>, Vec<(String, LitStr)>) {
    let Data::Enum(data) = &input.data else {
        ctxt.error(&input.ident, "`Enum` can be derived for an enum alone; for a struct it is `Table`");
        return (Vec::new(), Vec::new());
    };
    if data.variants.is_empty() {
        ctxt.error(&input.ident, "a type of few values has at least one: the enum needs a variant");
    }
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let (mut values, mut renamed) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            ctxt.error(&variant.fields, "a value of the database has no parts: the variant cannot have fields");
        }
        let written = variant.attrs.iter().filter(|it| it.path().is_ident(VALUE));
        let written: Vec<_> = written.filter_map(|it| value(ctxt, it)).collect();
        if let Some(second) = written.get(1) {
            ctxt.error(second, "`value` stands twice");
        }
        let name = variant.ident.unraw().to_string();
        let capitals = |pair: &[char]| pair.iter().all(|it| it.is_uppercase());
        if written.is_empty() && name.chars().collect::<Vec<_>>().windows(2).any(capitals) {
            ctxt.error(
                &variant.ident,
                "where a word ends among capitals is read in more than one way: write the value, `#[value(\"...\")]`",
            );
        }
        let value = written.first().map_or_else(|| snake_case(&name), LitStr::value);
        // MySQL compares them without regard to case
        if let Some(other) = seen.insert(value.to_lowercase(), variant.ident.to_string()) {
            ctxt.error(&variant.ident, format!("`{other}` has the value `{value}` already (MySQL knows no case here)"));
        }
        renamed.extend(renamed_from(ctxt, &variant.attrs).map(|old| (value.clone(), old)));
        values.push(value);
    }
    (values, renamed)
}

/// `#[enumeration(renamed_from = "text")]` on a variant
fn renamed_from(ctxt: &Ctxt, attributes: &[Attribute]) -> Option<LitStr> {
    let mut old = Once::default();
    for item in items(ctxt, attributes, ENUMERATION) {
        match &item {
            Item::Named(key, value) if key == RENAMED_FROM => old.set(ctxt, key, text(ctxt, key, value)),
            other => unknown(ctxt, other, VARIANT_KEYS, "enumeration"),
        }
    }
    old.value
}

/// `dropped("text", "text", becomes = "text")`
fn dropped(ctxt: &Ctxt, key: &Ident, value: &Value) -> Vec<Dropped> {
    let (mut values, mut becomes) = (Vec::new(), Once::default());
    let list = if let Value::List(list) = value { &list[..] } else { &[] };
    for item in list {
        match item {
            Item::Lit(Lit::Str(text)) => values.push(text.clone()),
            Item::Named(name, value) if name == BECOMES => becomes.set(ctxt, name, text(ctxt, name, value)),
            other => unknown(ctxt, other, DROPPED_VALUE_KEYS, DROPPED),
        }
    }
    if values.is_empty() {
        ctxt.error(key, "`dropped` names no value: `dropped(\"late\", becomes = \"done\")`");
    }
    let becomes: Option<LitStr> = becomes.value;
    values.into_iter().map(|value| Dropped { value, becomes: becomes.clone() }).collect()
}

/// What is said of values of before must not be said of one that is there, and once.
fn intents(ctxt: &Ctxt, values: &[String], renamed: &[(String, LitStr)], dropped: &[Dropped]) {
    let mut seen = BTreeSet::new();
    for old in renamed.iter().map(|(_, old)| old).chain(dropped.iter().map(|it| &it.value)) {
        if values.contains(&old.value()) {
            ctxt.error(old, format!("`{}` is said to be gone and is still a value", old.value()));
        } else if !seen.insert(old.value()) {
            ctxt.error(old, format!("what becomes of `{}` is said twice", old.value()));
        }
    }
    // one that stands beside several values is looked at once
    let mut wrong = BTreeSet::new();
    for becomes in dropped.iter().filter_map(|it| it.becomes.as_ref()) {
        if !values.contains(&becomes.value()) && wrong.insert(becomes.value()) {
            ctxt.error(becomes, format!("`{}` is no value; these are: {}", becomes.value(), values.join(", ")));
        }
    }
}

/// `#[value("text")]`
fn value(ctxt: &Ctxt, attribute: &Attribute) -> Option<LitStr> {
    match attribute.parse_args::<Lit>() {
        Ok(Lit::Str(text)) => {
            let wrong = |it: &str| {
                it.is_empty() || it.len() > 63 || it.ends_with(' ') || it.chars().any(|c| c.is_control() || c == '\\')
            };
            if wrong(&text.value()) {
                ctxt.error(
                    &text,
                    "a value has 1 to 63 bytes, no backslash, no control character and no space at its end",
                );
            }
            Some(text)
        }
        _ => {
            ctxt.error(attribute, "`value` takes a text: `#[value(\"...\")]`");
            None
        }
    }
}
