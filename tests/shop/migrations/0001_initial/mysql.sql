-- Pontoon migration `0001_initial` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A new table, `users`.
-- @claim locks none; reads no; writes no
-- @done table users
-- @undo DROP TABLE `users`;
-- @undo-claim locks users EXCLUSIVE; reads brief; writes brief
CREATE TABLE `users` (
    `id` bigint NOT NULL AUTO_INCREMENT,
    `email` varchar(320) NOT NULL,
    `full_name` varchar(64) NULL,
    `birthday` date NULL,
    `newsletter` tinyint(1) NOT NULL DEFAULT false,
    `created_at` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (`id`),
    UNIQUE INDEX `users_email_key` (`email`)
) ENGINE=InnoDB;

-- A new table, `orders`.
-- @claim locks users EXCLUSIVE; reads brief; writes brief
-- @done table orders
-- @undo DROP TABLE `orders`;
-- @undo-claim locks orders EXCLUSIVE, users EXCLUSIVE; reads brief; writes brief
CREATE TABLE `orders` (
    `id` binary(16) NOT NULL,
    `user_id` bigint NOT NULL,
    `status` varchar(16) NOT NULL DEFAULT 'new',
    `total` decimal(12,2) NOT NULL,
    `fax_number` varchar(40) NOT NULL,
    `address` json NULL,
    `placed_at` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (`id`),
    INDEX `orders_user_id_idx` (`user_id`),
    CONSTRAINT `orders_total_not_negative` CHECK (total >= 0),
    CONSTRAINT `orders_user_id_fkey` FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB;

-- A new table, `order_items`.
-- @claim locks orders EXCLUSIVE; reads brief; writes brief
-- @done table order_items
-- @undo DROP TABLE `order_items`;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; reads brief; writes brief
CREATE TABLE `order_items` (
    `order_id` binary(16) NOT NULL,
    `line` int NOT NULL,
    `description` varchar(200) NOT NULL,
    `quantity` int NOT NULL,
    `unit_price` decimal(12,2) NOT NULL,
    `options` json NOT NULL,
    PRIMARY KEY (`order_id`, `line`),
    CONSTRAINT `order_items_order_id_fkey` FOREIGN KEY (`order_id`) REFERENCES `orders` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB;
