//! The struct, with what was written on it.

use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Ident, Type};

use crate::attr;
use crate::ctxt::Ctxt;
use crate::symbol::{COLUMN, TABLE};

/// A struct that stands for a table.
pub(crate) struct Table<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) attrs: attr::Table,
    pub(crate) columns: Vec<Column<'a>>,
}

/// A field that stands for a column.
pub(crate) struct Column<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: attr::Column,
}

impl<'a> Table<'a> {
    /// Reads what can be read, and notes what cannot.
    pub(crate) fn read(ctxt: &Ctxt, input: &'a DeriveInput) -> Option<Self> {
        let attrs = attr::Table::read(ctxt, &input.attrs);
        for attribute in input.attrs.iter().filter(|it| it.path().is_ident(COLUMN)) {
            ctxt.error(attribute, "`#[column(...)]` stands on fields; on the struct it is `#[table(...)]`");
        }
        if !input.generics.params.is_empty() {
            ctxt.error(&input.generics, "a table has one shape: the struct cannot be generic");
        }
        let fields = match &input.data {
            Data::Struct(data) => &data.fields,
            Data::Enum(data) => {
                ctxt.error(data.enum_token, "`Table` can be derived for a struct, not for an enum");
                return None;
            }
            Data::Union(data) => {
                ctxt.error(data.union_token, "`Table` can be derived for a struct, not for a union");
                return None;
            }
        };
        let Fields::Named(named) = fields else {
            ctxt.error(&input.ident, "a table's columns have names: the struct needs named fields");
            return None;
        };
        if named.named.is_empty() {
            ctxt.error(&input.ident, "a table has at least one column: the struct needs a field");
        }
        let mut columns = Vec::new();
        for field in &named.named {
            for attribute in field.attrs.iter().filter(|it| it.path().is_ident(TABLE)) {
                ctxt.error(attribute, "`#[table(...)]` stands on the struct; on a field it is `#[column(...)]`");
            }
            if let Some(ident) = &field.ident {
                columns.push(Column { ident, ty: &field.ty, attrs: attr::Column::read(ctxt, &field.attrs) });
            }
        }
        Some(Self { ident: &input.ident, attrs, columns })
    }

    /// The table's name in the database.
    pub(crate) fn name(&self) -> String {
        match &self.attrs.name {
            Some(name) => name.value(),
            None => snake_case(&self.ident.unraw().to_string()),
        }
    }
}

impl Column<'_> {
    /// The column's name in the database.
    pub(crate) fn name(&self) -> String {
        match &self.attrs.name {
            Some(name) => name.value(),
            None => self.ident.unraw().to_string(),
        }
    }

    /// Whether the type reads `Option<..>`. Only a hint: an alias of one is nullable as well.
    pub(crate) fn looks_nullable(&self) -> bool {
        let Type::Path(path) = self.ty else { return false };
        path.path.segments.last().is_some_and(|segment| segment.ident == "Option")
    }
}

/// `OrderItem` to `order_item`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if c.is_uppercase() && at > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}
