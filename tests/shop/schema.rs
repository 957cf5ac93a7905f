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
    pub birthday: Option<NaiveDate>,
    #[column(default = "false")]
    pub newsletter: bool,
    #[column(default = "now()")]
    pub created_at: DateTime<Utc>,
}

#[derive(Table)]
#[table(name = "orders", check(name = "orders_total_not_negative", sql = "total >= 0"))]
pub struct Order {
    #[column(primary_key)]
    pub id: Uuid,
    #[column(references(table = "users", column = "id", on_delete = "cascade"))]
    pub user_id: i64,
    #[column(length = 16, default = "'new'")]
    pub status: String,
    #[column(precision = 12, scale = 2)]
    pub total: Decimal,
    #[column(length = 40)]
    pub fax_number: String,
    pub address: Option<serde_json::Value>,
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
    pub description: String,
    pub quantity: i32,
    #[column(precision = 12, scale = 2)]
    pub unit_price: Decimal,
    pub options: serde_json::Value,
}

pontoon::schema! { pub Shop { User, Order, OrderItem } migrations "shop/migrations" }
