//! What stands in where something is wrong: an impl, so that one mistake gives one message and
//! not a second one at every use of the struct. It has no name, by which the drift check knows it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::ast::Table;
use crate::expand::krate;

pub(crate) fn fallback(input: &DeriveInput, table: Option<&Table<'_>>) -> TokenStream {
    let krate = table.map_or_else(|| quote!(::pontoon), krate);
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let name = ident.to_string();
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #generics #krate::__private::Table for #ident #arguments #bounds {
                const DEF: #krate::__private::TableDef = #krate::__private::TableDef {
                    name: "",
                    struct_name: #name,
                    at: #krate::__private::Location { file: ::core::file!(), line: ::core::line!() },
                    columns: &[],
                    indexes: &[],
                    checks: &[],
                    dropped: &[],
                    renamed_from: ::core::option::Option::None,
                    partitioned: ::core::option::Option::None,
                };
            }
        };
    }
}
