//! The constant.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::ast::{Column, Table};
use crate::attr::{self, Bounds, Check, Dropped, Index, Key, PartitionBy, Reference, option};

/// `impl Table for X { const DEF: TableDef = ...; }`
pub(crate) fn expand(table: &Table<'_>) -> TokenStream {
    let krate = krate(table);
    let private = quote!(#krate::__private);
    let ident = table.ident;
    let name = table.name();
    let struct_name = ident.unraw().to_string();
    let at = location(&private, ident.span());
    let columns = table.columns.iter().map(|it| column(&private, it));
    let indexes = table.attrs.indexes.iter().map(|it| index(&private, it));
    let checks = table.attrs.checks.iter().map(|it| check(&private, it));
    let dropped = table.attrs.dropped.iter().map(|it| dropped(&private, it));
    let renamed_from = option(&table.attrs.renamed_from);
    let partitioned = partitioned(&private, &table.attrs);
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #private::Table for #ident {
                const DEF: #private::TableDef = #private::TableDef {
                    name: #name,
                    struct_name: #struct_name,
                    at: #at,
                    columns: &[#(#columns),*],
                    indexes: &[#(#indexes),*],
                    checks: &[#(#checks),*],
                    dropped: &[#(#dropped),*],
                    renamed_from: #renamed_from,
                    partitioned: #partitioned,
                };
            }
        };
    }
}

/// The path of the runtime crate.
pub(crate) fn krate(table: &Table<'_>) -> TokenStream {
    match &table.attrs.krate {
        Some(path) => quote!(#path),
        None => quote!(::pontoon),
    }
}

fn column(private: &TokenStream, column: &Column<'_>) -> TokenStream {
    let attrs = &column.attrs;
    let name = column.name();
    let field = column.ident.unraw().to_string();
    let at = location(private, column.ident.span());
    let ty = column.ty;
    let spelled = attrs.sql_type.postgres.is_some() && attrs.sql_type.mysql.is_some();
    let (kind, nullable) = if spelled {
        let nullable = column.looks_nullable();
        (quote!(#private::Kind::Custom), quote!(#nullable))
    } else {
        // on the type's own tokens, so that a type without a column is marked there
        let span = ty.span();
        let asked = |what: &str| {
            let what = Ident::new(what, Span::call_site());
            quote_spanned!(span=> <#ty as #private::SqlType>::#what)
        };
        (asked("KIND"), asked("NULLABLE"))
    };
    let mut said = said(private, attrs);
    if !spelled {
        said.push(quote!(enum_def: <#ty as #private::SqlType>::ENUM));
    }
    quote! {
        #private::ColumnDef { name: #name, field: #field, at: #at, kind: #kind, nullable: #nullable, #(#said,)* ..#private::ColumnDef::PLAIN }
    }
}

/// The fields of which something was said.
fn said(private: &TokenStream, attrs: &attr::Column) -> Vec<TokenStream> {
    let mut said = Vec::new();
    let flags = [("primary_key", &attrs.primary_key), ("identity", &attrs.identity), ("unique", &attrs.unique)];
    for (field, _) in flags.into_iter().filter(|(_, it)| it.is_some()) {
        let field = Ident::new(field, Span::call_site());
        said.push(quote!(#field: true));
    }
    let numbers = [("length", &attrs.length), ("precision", &attrs.precision), ("scale", &attrs.scale)];
    for (field, value) in numbers.into_iter().filter(|(_, it)| it.is_some()) {
        let (field, value) = (Ident::new(field, Span::call_site()), option(value));
        said.push(quote!(#field: #value));
    }
    let texts = [
        ("sql_type", &attrs.sql_type),
        ("collation", &attrs.collation),
        ("default", &attrs.default),
        ("backfill", &attrs.backfill),
        ("reverse", &attrs.reverse),
        ("check", &attrs.check),
    ];
    for (field, value) in texts.into_iter().filter(|(_, it)| !it.is_none()) {
        let (field, value) = (Ident::new(field, Span::call_site()), value.expand(private));
        said.push(quote!(#field: #value));
    }
    if let Some(attr::Generated { sql, computed_on_read, .. }) = &attrs.generated {
        let sql = sql.expand(private);
        let value = quote!(#private::GeneratedDef { sql: #sql, computed_on_read: #computed_on_read });
        said.push(quote!(generated: ::core::option::Option::Some(#value)));
    }
    if let Some(it) = &attrs.references {
        let value = reference(private, it);
        said.push(quote!(references: ::core::option::Option::Some(#value)));
    }
    if attrs.renamed_from.is_some() {
        let value = option(&attrs.renamed_from);
        said.push(quote!(renamed_from: #value));
    }
    if let Some(attr::Moved { table, column, .. }) = &attrs.moved_from {
        let value = quote!(#private::MovedDef { table: #table, column: #column });
        said.push(quote!(moved_from: ::core::option::Option::Some(#value)));
    }
    if attrs.backfill_fn.is_some() {
        let value = option(&attrs.backfill_fn);
        said.push(quote!(backfill_fn: #value));
    }
    said
}

fn reference(private: &TokenStream, reference: &Reference) -> TokenStream {
    let table = &reference.table;
    let column = reference.column.as_ref().map_or_else(|| "id".to_owned(), syn::LitStr::value);
    let [on_delete, on_update] = [reference.on_delete, reference.on_update].map(|it| Ident::new(it, Span::call_site()));
    quote! {
        #private::ReferenceDef {
            table: #table,
            column: #column,
            on_delete: #private::ReferentialAction::#on_delete,
            on_update: #private::ReferentialAction::#on_update,
        }
    }
}

fn index(private: &TokenStream, index: &Index) -> TokenStream {
    let Index { keys, unique, name, include, filter, using, only } = index;
    let (columns, [name, filter, only]) = (index.columns(), [name, filter, only].map(option));
    let form = if index.has_form() {
        let (keys, using) = (keys.iter().map(|it| key(private, it)), using.expand(private));
        quote! {
            ::core::option::Option::Some(&#private::IndexFormDef {
                keys: &[#(#keys),*],
                include: &[#(#include),*],
                filter: #filter,
                using: #using,
                only: #only,
            })
        }
    } else {
        quote!(::core::option::Option::None)
    };
    quote!(#private::IndexDef { name: #name, columns: &[#(#columns),*], unique: #unique, form: #form })
}

fn key(private: &TokenStream, key: &Key) -> TokenStream {
    let Key { column, expression, descending, nulls, length, operators } = key;
    let (column, length, operators) = (option(column), option(length), option(operators));
    let expression = expression.expand(private);
    let nulls = option(&nulls.as_ref().map(|it| {
        let place = Ident::new(if it.value() == "first" { "First" } else { "Last" }, it.span());
        quote!(#private::Nulls::#place)
    }));
    quote! {
        #private::KeyDef {
            column: #column,
            expression: #expression,
            descending: #descending,
            nulls: #nulls,
            length: #length,
            operators: #operators,
        }
    }
}

fn partitioned(private: &TokenStream, attrs: &attr::Table) -> TokenStream {
    let Some(PartitionBy { method, columns, only }) = &attrs.partition_by else {
        return quote!(::core::option::Option::None);
    };
    let by = match method.to_string().as_str() {
        "range" => "Range",
        "list" => "List",
        _ => "Hash",
    };
    let (by, only) = (Ident::new(by, method.span()), option(only));
    let partitions = attrs.partitions.iter().map(|it| {
        let (name, attach) = (&it.name, it.attach);
        let bounds = match &it.bounds {
            Bounds::Range { from, to } => quote!(Range { from: #from, to: #to }),
            Bounds::List(values) => quote!(List(&[#(#values),*])),
            Bounds::Hash { modulus, remainder } => quote!(Hash { modulus: #modulus, remainder: #remainder }),
            Bounds::Default => quote!(Default),
        };
        quote!(#private::PartitionDef { name: #name, bounds: #private::BoundsDef::#bounds, attach: #attach })
    });
    let (detached, unlisted) = (&attrs.detached, &attrs.unlisted);
    quote! {
        ::core::option::Option::Some(&#private::PartitionedDef {
            by: #private::PartitionMethod::#by,
            columns: &[#(#columns),*],
            only: #only,
            partitions: &[#(#partitions),*],
            detached: &[#(#detached),*],
            unlisted: &[#(#unlisted),*],
        })
    }
}

fn dropped(private: &TokenStream, dropped: &Dropped) -> TokenStream {
    let Dropped { column, reverse, one_way } = dropped;
    let reverse = reverse.expand(private);
    quote!(#private::DroppedDef { column: #column, reverse: #reverse, one_way: #one_way })
}

fn check(private: &TokenStream, check: &Check) -> TokenStream {
    let name = option(&check.name);
    let sql = check.sql.expand(private);
    quote!(#private::CheckDef { name: #name, sql: #sql })
}

/// The place of a token: `line!()` gives the line of the tokens it is made of.
pub(crate) fn location(private: &TokenStream, span: Span) -> TokenStream {
    let line = quote_spanned!(span=> ::core::line!());
    let file = quote_spanned!(span=> ::core::file!());
    quote!(#private::Location { file: #file, line: #line })
}
