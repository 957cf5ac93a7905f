// Written by `cargo xtask generate`; do not edit. Where Git reports a conflict here, two branches have
// both added a migration: take both sides, then `cargo xtask generate --rebase NNNN_yours`.
::pontoon::migration::Embedded {
    migrations: &[
        ::pontoon::migration::EmbeddedMigration {
            id: "0001_initial",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "661a6b76b9bbdde2f59b81393ff031fc65f98acd8f7c263020a00d0d6dec61de",
                sql: include_str!("0001_initial/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "28c6535f76a8238c75c7225350e5297485c810c930e0f9cb1089a5d2e1f26b29",
                sql: include_str!("0001_initial/mysql.sql"),
            },
        },
        ::pontoon::migration::EmbeddedMigration {
            id: "0002_display_name",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "36d2998ff3b7cfbd58125900a544fce5974e4a64f89dca1c79b25478c11a4eff",
                sql: include_str!("0002_display_name/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "085621634478de46bc6fd6d442afe59a26f66850fe1c6f626de6b646ff7cb213",
                sql: include_str!("0002_display_name/mysql.sql"),
            },
        },
        ::pontoon::migration::EmbeddedMigration {
            id: "0003_products",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "3f5ce26b2479efc5fb8ce42ad94e56ca4acfedb0c67ef3f7f91b84871fd7de24",
                sql: include_str!("0003_products/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "2bf22e786a2c3574e070a51bfb11dbef6bbcc57bbf8d8398c73d59527b7f0475",
                sql: include_str!("0003_products/mysql.sql"),
            },
        },
        ::pontoon::migration::EmbeddedMigration {
            id: "0004_receipts",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "9aff65bf2e1aec1ac2d8acfa80a2e36e0f124dc3167846b001899ff1fed68c74",
                sql: include_str!("0004_receipts/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "8eba0b67819a95f1d580cc85633ec791ff2de3c13a4c48477395183ab924ac25",
                sql: include_str!("0004_receipts/mysql.sql"),
            },
        },
        ::pontoon::migration::EmbeddedMigration {
            id: "0005_drop_fax_number",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "beca7ca833640b2e190b566a7908f0de31a86fcfe4d934197b3b546ad3be3afa",
                sql: include_str!("0005_drop_fax_number/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "cab44aaa0b1e8e43c709265c54d7e06cd3accde5144e8dda03d774274dc0eedf",
                sql: include_str!("0005_drop_fax_number/mysql.sql"),
            },
        },
        ::pontoon::migration::EmbeddedMigration {
            id: "0006_line_total",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "7ac39e14a091764d834edc23e156789de8778ad90c062d950ce58e3a92381d38",
                sql: include_str!("0006_line_total/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "6c2f14816c549fa6e18e415871c9390d86a3bd76236b8d283595505655df818c",
                sql: include_str!("0006_line_total/mysql.sql"),
            },
        },
        ::pontoon::migration::EmbeddedMigration {
            id: "0007_titles",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "831a7be6ee36ab7616891c84ca8d828d0a0349c3cc57d6f7b341503c8886b7e9",
                sql: include_str!("0007_titles/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "cfa2d84ecca3669bff4b39fe68a9bc721a51465cc502c7f30de7659d8ba72c26",
                sql: include_str!("0007_titles/mysql.sql"),
            },
        },
        ::pontoon::migration::EmbeddedMigration {
            id: "0008_room_to_grow",
            postgres: ::pontoon::migration::EmbeddedFile {
                sha256: "ad7be0c30e7284cb54940a3c55e9b4f2632907c345883b23e62f99e06f4a7ed2",
                sql: include_str!("0008_room_to_grow/postgres.sql"),
            },
            mysql: ::pontoon::migration::EmbeddedFile {
                sha256: "ba4ddf742b0d337115b1fb3a125594d96c325f0760ccdec09c8a21967db7fc31",
                sql: include_str!("0008_room_to_grow/mysql.sql"),
            },
        },
    ],
    tables: &[
        ("order_items", 0xdd924cce066cfa75),
        ("orders", 0xab9c75182335f363),
        ("products", 0x9de87abedd2ef3c4),
        ("users", 0xafdb7f65d16e7122),
    ],
    columns: &[
        ("order_items", "description", 0xefcb1af40886376b),
        ("order_items", "line", 0x91f5cfe439a637e6),
        ("order_items", "line_total", 0x0f917e1b37a72968),
        ("order_items", "options", 0xa2f2a17f4105b174),
        ("order_items", "order_id", 0x1fca32177d9ac4f3),
        ("order_items", "product_id", 0x49a94f265de54693),
        ("order_items", "quantity", 0x69b6c48b5f3afe6a),
        ("order_items", "unit_price", 0xaf0191a2e77ca91b),
        ("orders", "address", 0x1f91ec20a7188172),
        ("orders", "currency", 0xb84aed4857ebee70),
        ("orders", "id", 0x85a191313e274e37),
        ("orders", "placed_at", 0x0b9ff352b8753b3d),
        ("orders", "receipt_id", 0x2bac19a9d9f16839),
        ("orders", "status", 0xd75298c85d6185ec),
        ("orders", "total", 0x9172c6b0d8d4ab03),
        ("orders", "user_id", 0xad0c94e68ee8f499),
        ("products", "added_at", 0xe8dc0a2329ef1fde),
        ("products", "attributes", 0x1ec9d9b32a268718),
        ("products", "category", 0x3ec33ddb5c856f22),
        ("products", "id", 0xd6ff0e827595a501),
        ("products", "price", 0x31b427a0801bb880),
        ("products", "sku", 0xfb158509eb94e0ae),
        ("products", "stock", 0x29a00a4c554a1442),
        ("products", "title", 0x8373d765749ef8f2),
        ("users", "birthday", 0xd72361fcd5a04ba5),
        ("users", "created_at", 0xe9d5ca3d0653d400),
        ("users", "display_name", 0x8c823a4183449016),
        ("users", "email", 0xe53ac146cd97928e),
        ("users", "full_name", 0x13fa57f2be1c8da4),
        ("users", "id", 0xd6ff0e827595a501),
        ("users", "newsletter", 0x1889449b1d2517e5),
    ],
}
