-- Pontoon migration `0003_products` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A new table, `products`.
-- @claim locks none; reads no; writes no
-- @done table products
-- @undo DROP TABLE `products`;
-- @undo-claim locks products EXCLUSIVE; reads brief; writes brief
CREATE TABLE `products` (
    `id` bigint NOT NULL AUTO_INCREMENT,
    `sku` varchar(40) NOT NULL,
    `category` varchar(80) NOT NULL,
    `name` varchar(200) NOT NULL,
    `price` decimal(12,2) NOT NULL,
    `attributes` json NULL,
    `added_at` datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (`id`),
    INDEX `products_category_name_idx` (`category`, `name`),
    UNIQUE INDEX `products_sku_key` (`sku`),
    CONSTRAINT `products_price_check` CHECK (price >= 0)
) ENGINE=InnoDB;

-- A change of the catalog; no row of `order_items` is touched.
-- @claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column order_items.product_id
-- @undo ALTER TABLE `order_items` DROP COLUMN `product_id`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `order_items` ADD COLUMN `product_id` bigint NULL, ALGORITHM=INSTANT;

-- @stage validate

-- Reads the whole table; reads and writes go on.
-- @claim locks order_items EXCLUSIVE; algorithm INPLACE; lock NONE; scans order_items; reads brief; writes brief
-- @done index order_items.order_items_product_id_idx
-- @undo ALTER TABLE `order_items` DROP INDEX `order_items_product_id_idx`, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE `order_items` ADD INDEX `order_items_product_id_idx` (`product_id`), ALGORITHM=INPLACE, LOCK=NONE;

-- Binds new writes; with the checks on, the table would be copied.
-- @set foreign_key_checks=0
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @done constraint order_items.order_items_product_id_fkey
-- @undo ALTER TABLE `order_items` DROP FOREIGN KEY `order_items_product_id_fkey`, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE `order_items` ADD CONSTRAINT `order_items_product_id_fkey` FOREIGN KEY (`product_id`) REFERENCES `products` (`id`) ON DELETE SET NULL, ALGORITHM=INPLACE, LOCK=NONE;

-- @assert rows of `order_items` refer to rows of `products` that do not exist
SELECT child.`product_id` FROM `order_items` AS child WHERE child.`product_id` IS NOT NULL AND NOT EXISTS (SELECT 1 FROM `products` AS parent WHERE parent.`id` = child.`product_id`) LIMIT 5;
