//! The derive.
use proc_macro::TokenStream;
/// `#[derive(Table)]`
#[proc_macro_derive(Table, attributes(table, column))]
pub fn table(_: TokenStream) -> TokenStream {
    TokenStream::new()
}
