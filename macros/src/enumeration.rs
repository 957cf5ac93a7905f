//! `#[derive(Enum)]`: from an enum without fields to its values.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, Lit, LitStr, Path};

use crate::ast::snake_case;
use crate::attr::{Item, Once, items, path, text, unknown};
use crate::ctxt::Ctxt;
use crate::expand::location;
use crate::symbol::{CRATE, ENUMERATION, ENUMERATION_KEYS, NAME, VALUE};

/// An enum that stands for a type of few values.
pub(crate) struct Enumeration<'a> {
    input: &'a DeriveInput,
    name: String,
    krate: Option<Path>,
    values: Vec<String>,
}

impl<'a> Enumeration<'a> {
    /// Reads what can be read, and notes what cannot.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput) -> Self {
        let (mut name, mut krate) = (Once::default(), Once::default());
        for item in items(ctxt, &input.attrs, ENUMERATION) {
            match &item {
                Item::Named(key, value) if key == NAME => name.set(ctxt, key, text(ctxt, key, value)),
                Item::Named(key, value) if key == CRATE => krate.set(ctxt, key, path(ctxt, key, value)),
                other => unknown(ctxt, other, ENUMERATION_KEYS, ENUMERATION),
            }
        }
        if !input.generics.params.is_empty() {
            ctxt.error(&input.generics, "a type of the database has one shape: the enum cannot be generic");
        }
        let name: Option<LitStr> = name.value;
        Self {
            input,
            name: name.map_or_else(|| snake_case(&input.ident.unraw().to_string()), |it| it.value()),
            krate: krate.value,
            values: values(ctxt, input),
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
        let def = if wrong {
            quote!(::core::option::Option::None)
        } else {
            quote! {
                ::core::option::Option::Some(&#private::EnumDef {
                    name: #name,
                    enum_name: #enum_name,
                    at: #at,
                    values: &[#(#values),*],
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

fn values(ctxt: &Ctxt, input: &DeriveInput) -> Vec<String> {
    let Data::Enum(data) = &input.data else {
        ctxt.error(&input.ident, "`Enum` can be derived for an enum alone; for a struct it is `Table`");
        return Vec::new();
    };
    if data.variants.is_empty() {
        ctxt.error(&input.ident, "a type of few values has at least one: the enum needs a variant");
    }
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut values = Vec::new();
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
        values.push(value);
    }
    values
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
