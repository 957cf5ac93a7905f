//! What the shop's database should be.
#![allow(missing_docs)]

use chrono::{DateTime, NaiveDate, Utc};
use pontoon::Table;
use rust_decimal::Decimal;
use uuid::Uuid;

#[derive(Table)]
#[table(name = "users")]
pub struct User {
    #[column(primary_key, identity)]
    pub id: i64,
    #[column(unique, length = 320)]
    pub email: String,
    #[column(length = 64)]
    pub full_name: Option<String>,
    #[column(length = 64, backfill(postgres = "split_part(email, '@', 1)", mysql = "substring_index(email, '@', 1)",))]
    pub display_name: String,
    pub birthday: Option<NaiveDate>,
    pub newsletter: bool,
    #[column(default = "now()")]
    pub created_at: DateTime<Utc>,
}

#[derive(Table)]
#[table(name = "orders", index("status", "placed_at"), check(name = "orders_total_not_negative", sql = "total >= 0"))]
pub struct Order {
    #[column(primary_key)]
    pub id: Uuid,
    #[column(references(table = "users", column = "id", on_delete = "cascade"))]
    pub user_id: i64,
    #[column(length = 16, default = "'placed'")]
    pub status: String,
    #[column(precision = 12, scale = 2)]
    pub total: Decimal,
    #[column(length = 3, default = "'EUR'")]
    pub currency: String,
    #[column(unique, default(postgres = "gen_random_uuid()", mysql = "uuid_to_bin(uuid())"))]
    pub receipt_id: Uuid,
    #[column(backfill(postgres = "'{}'", mysql = "'{}'"))]
    pub address: serde_json::Value,
    #[column(default = "now()")]
    pub placed_at: DateTime<Utc>,
}

#[derive(Table)]
#[table(name = "order_items")]
pub struct OrderItem {
    #[column(primary_key, references(table = "orders", column = "id", on_delete = "cascade"))]
    pub order_id: Uuid,
    #[column(primary_key)]
    pub line: i32,
    #[column(length = 200)]
    pub description: Option<String>,
    #[column(check = "quantity > 0")]
    pub quantity: i32,
    /// In cents, for the reports; nothing where the price is not known.
    #[column(backfill(
        postgres = "(quantity * unit_price * 100)::bigint",
        mysql = "cast(quantity * unit_price * 100 as signed)"
    ))]
    pub line_total: Option<i64>,
    #[column(references(table = "products", on_delete = "set null"))]
    pub product_id: Option<i64>,
    #[column(precision = 12, scale = 2)]
    pub unit_price: Decimal,
    pub options: serde_json::Value,
}

#[derive(Table)]
#[table(name = "products", index("category", "title"))]
pub struct Product {
    #[column(primary_key, identity)]
    pub id: i64,
    #[column(unique, length = 80)]
    pub sku: String,
    #[column(length = 80)]
    pub category: String,
    #[column(length = 200, renamed_from = "name")]
    pub title: String,
    #[column(default = "0")]
    pub stock: i64,
    #[column(precision = 12, scale = 2, check = "price >= 0")]
    pub price: Decimal,
    pub attributes: Option<serde_json::Value>,
    #[column(default = "now()")]
    pub added_at: DateTime<Utc>,
}

pontoon::schema! { pub Shop { User, Product, Order, OrderItem } migrations "shop/migrations" }
