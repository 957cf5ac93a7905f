-- Pontoon migration `0008_room_to_grow` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog. The default marks rows that have no value yet: no application writes it.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column products.pontoon_sku_new
-- @undo ALTER TABLE `products` DROP COLUMN `pontoon_sku_new`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `products` ADD COLUMN `pontoon_sku_new` varchar(80) NOT NULL DEFAULT X'1A', ALGORITHM=INSTANT;

-- Keeps `products.pontoon_sku_new` right on every UPDATE from now on; before any row is filled.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done trigger products.pontoon_products_sku_upd
-- @undo DROP TRIGGER `pontoon_products_sku_upd`;
-- @undo-claim locks products EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_products_sku_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`sku` = CASE
        WHEN @pontoon_backfill IS NOT NULL OR NEW.`pontoon_sku_new` <=> OLD.`pontoon_sku_new` OR (CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A') THEN NEW.`sku`
        ELSE (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_new` AS `sku`) AS `products`)
    END,
    NEW.`pontoon_sku_new` = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.`pontoon_sku_new`
        WHEN (CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A') OR (NEW.`pontoon_sku_new` <=> OLD.`pontoon_sku_new` AND NOT (NEW.`sku` <=> OLD.`sku`)) THEN (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`)
        ELSE NEW.`pontoon_sku_new`
    END;

-- Keeps `products.pontoon_sku_new` right on every INSERT from now on; before any row is filled.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done trigger products.pontoon_products_sku_ins
-- @undo DROP TRIGGER `pontoon_products_sku_ins`;
-- @undo-claim locks products EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_products_sku_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`sku` = IF(CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A', NEW.`sku`, (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_new` AS `sku`) AS `products`)),
    NEW.`pontoon_sku_new` = IF(CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A', (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`), NEW.`pontoon_sku_new`);

-- A change of the catalog. The default marks rows that have no value yet: no application writes it.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column products.pontoon_stock_new
-- @undo ALTER TABLE `products` DROP COLUMN `pontoon_stock_new`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `products` ADD COLUMN `pontoon_stock_new` bigint NOT NULL DEFAULT -9223372036854775808, ALGORITHM=INSTANT;

-- Keeps `products.pontoon_stock_new` right on every UPDATE from now on; before any row is filled.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done trigger products.pontoon_products_stock_upd
-- @undo DROP TRIGGER `pontoon_products_stock_upd`;
-- @undo-claim locks products EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_products_stock_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`stock` = CASE
        WHEN @pontoon_backfill IS NOT NULL OR NEW.`pontoon_stock_new` <=> OLD.`pontoon_stock_new` OR (NEW.`pontoon_stock_new` = -9223372036854775808) THEN NEW.`stock`
        ELSE (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_new` AS `stock`) AS `products`)
    END,
    NEW.`pontoon_stock_new` = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.`pontoon_stock_new`
        WHEN (NEW.`pontoon_stock_new` = -9223372036854775808) OR (NEW.`pontoon_stock_new` <=> OLD.`pontoon_stock_new` AND NOT (NEW.`stock` <=> OLD.`stock`)) THEN (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`)
        ELSE NEW.`pontoon_stock_new`
    END;

-- Keeps `products.pontoon_stock_new` right on every INSERT from now on; before any row is filled.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done trigger products.pontoon_products_stock_ins
-- @undo DROP TRIGGER `pontoon_products_stock_ins`;
-- @undo-claim locks products EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_products_stock_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`stock` = IF(NEW.`pontoon_stock_new` = -9223372036854775808, NEW.`stock`, (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_new` AS `stock`) AS `products`)),
    NEW.`pontoon_stock_new` = IF(NEW.`pontoon_stock_new` = -9223372036854775808, (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`), NEW.`pontoon_stock_new`);

-- @stage backfill

-- Gives the rows of before their `pontoon_sku_new`, in batches that nobody waits for.
-- @backfill products.pontoon_sku_new
-- @claim locks products SHARED_WRITE; reads no; writes brief
-- @invariant-once SELECT count(*) FROM `products` WHERE CAST(`pontoon_sku_new` AS BINARY) = X'1A';
-- @walk keys id as SIGNED
UPDATE `products` SET `pontoon_sku_new` = `sku` WHERE `id` >= CAST(? AS SIGNED) AND `id` <= CAST(? AS SIGNED) AND CAST(`pontoon_sku_new` AS BINARY) = X'1A';

-- Gives the rows of before their `pontoon_stock_new`, in batches that nobody waits for.
-- @backfill products.pontoon_stock_new
-- @claim locks products SHARED_WRITE; reads no; writes brief
-- @invariant-once SELECT count(*) FROM `products` WHERE `pontoon_stock_new` = -9223372036854775808;
-- @walk keys id as SIGNED
UPDATE `products` SET `pontoon_stock_new` = `stock` WHERE `id` >= CAST(? AS SIGNED) AND `id` <= CAST(? AS SIGNED) AND `pontoon_stock_new` = -9223372036854775808;

-- @stage validate

-- Reads the whole table; reads and writes go on.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; scans products; reads brief; writes brief
-- @done index products.pontoon_products_sku_key_new
-- @undo ALTER TABLE `products` DROP INDEX `pontoon_products_sku_key_new`, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE `products` ADD UNIQUE INDEX `pontoon_products_sku_key_new` (`pontoon_sku_new`), ALGORITHM=INPLACE, LOCK=NONE;

-- The column and its successor take each other's names, in one moment.
-- @claim locks order_items EXCLUSIVE, orders SHARED_READ_ONLY, products EXCLUSIVE; reads brief; writes brief
-- @done column products.pontoon_sku_old
-- @undo LOCK TABLES `products` WRITE;
--   ALTER TABLE `products` RENAME COLUMN `sku` TO `pontoon_sku_new`, RENAME COLUMN `pontoon_sku_old` TO `sku`, RENAME INDEX `products_sku_key` TO `pontoon_products_sku_key_new`, RENAME INDEX `pontoon_products_sku_key_old` TO `products_sku_key`, ALGORITHM=INPLACE, LOCK=NONE;
--   DROP TRIGGER IF EXISTS `pontoon_products_pontoon_sku_old_ins`;
--   DROP TRIGGER IF EXISTS `pontoon_products_pontoon_sku_old_upd`;
--   CREATE TRIGGER IF NOT EXISTS `pontoon_products_sku_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`sku` = IF(CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A', NEW.`sku`, (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_new` AS `sku`) AS `products`)),
--       NEW.`pontoon_sku_new` = IF(CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A', (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`), NEW.`pontoon_sku_new`);
--   CREATE TRIGGER IF NOT EXISTS `pontoon_products_sku_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`sku` = CASE
--           WHEN @pontoon_backfill IS NOT NULL OR NEW.`pontoon_sku_new` <=> OLD.`pontoon_sku_new` OR (CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A') THEN NEW.`sku`
--           ELSE (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_new` AS `sku`) AS `products`)
--       END,
--       NEW.`pontoon_sku_new` = CASE
--           WHEN @pontoon_backfill IS NOT NULL THEN NEW.`pontoon_sku_new`
--           WHEN (CAST(NEW.`pontoon_sku_new` AS BINARY) = X'1A') OR (NEW.`pontoon_sku_new` <=> OLD.`pontoon_sku_new` AND NOT (NEW.`sku` <=> OLD.`sku`)) THEN (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`)
--           ELSE NEW.`pontoon_sku_new`
--       END;
--   UNLOCK TABLES;
-- @undo-claim locks order_items EXCLUSIVE, orders SHARED_READ_ONLY, products EXCLUSIVE; reads brief; writes brief
LOCK TABLES `products` WRITE;
ALTER TABLE `products` RENAME COLUMN `sku` TO `pontoon_sku_old`, RENAME COLUMN `pontoon_sku_new` TO `sku`, RENAME INDEX `products_sku_key` TO `pontoon_products_sku_key_old`, RENAME INDEX `pontoon_products_sku_key_new` TO `products_sku_key`, ALGORITHM=INPLACE, LOCK=NONE;
DROP TRIGGER IF EXISTS `pontoon_products_sku_ins`;
DROP TRIGGER IF EXISTS `pontoon_products_sku_upd`;
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_sku_old_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`pontoon_sku_old` = IF(CAST(NEW.`sku` AS BINARY) = X'1A', NEW.`pontoon_sku_old`, (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`)),
    NEW.`sku` = IF(CAST(NEW.`sku` AS BINARY) = X'1A', (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_old` AS `sku`) AS `products`), NEW.`sku`);
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_sku_old_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`pontoon_sku_old` = CASE
        WHEN @pontoon_backfill IS NOT NULL OR NEW.`sku` <=> OLD.`sku` OR (CAST(NEW.`sku` AS BINARY) = X'1A') THEN NEW.`pontoon_sku_old`
        ELSE (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`)
    END,
    NEW.`sku` = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.`sku`
        WHEN (CAST(NEW.`sku` AS BINARY) = X'1A') OR (NEW.`sku` <=> OLD.`sku` AND NOT (NEW.`pontoon_sku_old` <=> OLD.`pontoon_sku_old`)) THEN (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_old` AS `sku`) AS `products`)
        ELSE NEW.`sku`
    END;
UNLOCK TABLES;

-- The triggers again, should the swap have been cut off.
-- @claim locks order_items SHARED_NO_READ_WRITE, orders SHARED_READ_ONLY, products EXCLUSIVE; reads brief; writes brief
-- @done repeatable
-- @undo nothing: the swap's way back brings the earlier triggers
LOCK TABLES `products` WRITE;
DROP TRIGGER IF EXISTS `pontoon_products_sku_ins`;
DROP TRIGGER IF EXISTS `pontoon_products_sku_upd`;
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_sku_old_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`pontoon_sku_old` = IF(CAST(NEW.`sku` AS BINARY) = X'1A', NEW.`pontoon_sku_old`, (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`)),
    NEW.`sku` = IF(CAST(NEW.`sku` AS BINARY) = X'1A', (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_old` AS `sku`) AS `products`), NEW.`sku`);
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_sku_old_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`pontoon_sku_old` = CASE
        WHEN @pontoon_backfill IS NOT NULL OR NEW.`sku` <=> OLD.`sku` OR (CAST(NEW.`sku` AS BINARY) = X'1A') THEN NEW.`pontoon_sku_old`
        ELSE (SELECT `sku` FROM (SELECT NEW.`sku` AS `sku`) AS `products`)
    END,
    NEW.`sku` = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.`sku`
        WHEN (CAST(NEW.`sku` AS BINARY) = X'1A') OR (NEW.`sku` <=> OLD.`sku` AND NOT (NEW.`pontoon_sku_old` <=> OLD.`pontoon_sku_old`)) THEN (SELECT `sku` FROM (SELECT NEW.`pontoon_sku_old` AS `sku`) AS `products`)
        ELSE NEW.`sku`
    END;
UNLOCK TABLES;

-- The column and its successor take each other's names, in one moment.
-- @claim locks order_items EXCLUSIVE, orders SHARED_READ_ONLY, products EXCLUSIVE; reads brief; writes brief
-- @done column products.pontoon_stock_old
-- @undo LOCK TABLES `products` WRITE;
--   ALTER TABLE `products` RENAME COLUMN `stock` TO `pontoon_stock_new`, RENAME COLUMN `pontoon_stock_old` TO `stock`, ALGORITHM=INSTANT;
--   DROP TRIGGER IF EXISTS `pontoon_products_pontoon_stock_old_ins`;
--   DROP TRIGGER IF EXISTS `pontoon_products_pontoon_stock_old_upd`;
--   CREATE TRIGGER IF NOT EXISTS `pontoon_products_stock_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`stock` = IF(NEW.`pontoon_stock_new` = -9223372036854775808, NEW.`stock`, (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_new` AS `stock`) AS `products`)),
--       NEW.`pontoon_stock_new` = IF(NEW.`pontoon_stock_new` = -9223372036854775808, (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`), NEW.`pontoon_stock_new`);
--   CREATE TRIGGER IF NOT EXISTS `pontoon_products_stock_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`stock` = CASE
--           WHEN @pontoon_backfill IS NOT NULL OR NEW.`pontoon_stock_new` <=> OLD.`pontoon_stock_new` OR (NEW.`pontoon_stock_new` = -9223372036854775808) THEN NEW.`stock`
--           ELSE (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_new` AS `stock`) AS `products`)
--       END,
--       NEW.`pontoon_stock_new` = CASE
--           WHEN @pontoon_backfill IS NOT NULL THEN NEW.`pontoon_stock_new`
--           WHEN (NEW.`pontoon_stock_new` = -9223372036854775808) OR (NEW.`pontoon_stock_new` <=> OLD.`pontoon_stock_new` AND NOT (NEW.`stock` <=> OLD.`stock`)) THEN (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`)
--           ELSE NEW.`pontoon_stock_new`
--       END;
--   UNLOCK TABLES;
-- @undo-claim locks order_items EXCLUSIVE, orders SHARED_READ_ONLY, products EXCLUSIVE; reads brief; writes brief
LOCK TABLES `products` WRITE;
ALTER TABLE `products` RENAME COLUMN `stock` TO `pontoon_stock_old`, RENAME COLUMN `pontoon_stock_new` TO `stock`, ALGORITHM=INSTANT;
DROP TRIGGER IF EXISTS `pontoon_products_stock_ins`;
DROP TRIGGER IF EXISTS `pontoon_products_stock_upd`;
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_stock_old_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`pontoon_stock_old` = IF(NEW.`stock` = -9223372036854775808, NEW.`pontoon_stock_old`, (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`)),
    NEW.`stock` = IF(NEW.`stock` = -9223372036854775808, (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_old` AS `stock`) AS `products`), NEW.`stock`);
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_stock_old_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`pontoon_stock_old` = CASE
        WHEN @pontoon_backfill IS NOT NULL OR NEW.`stock` <=> OLD.`stock` OR (NEW.`stock` = -9223372036854775808) THEN NEW.`pontoon_stock_old`
        ELSE (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`)
    END,
    NEW.`stock` = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.`stock`
        WHEN (NEW.`stock` = -9223372036854775808) OR (NEW.`stock` <=> OLD.`stock` AND NOT (NEW.`pontoon_stock_old` <=> OLD.`pontoon_stock_old`)) THEN (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_old` AS `stock`) AS `products`)
        ELSE NEW.`stock`
    END;
UNLOCK TABLES;

-- The triggers again, should the swap have been cut off.
-- @claim locks order_items SHARED_NO_READ_WRITE, orders SHARED_READ_ONLY, products EXCLUSIVE; reads brief; writes brief
-- @done repeatable
-- @undo nothing: the swap's way back brings the earlier triggers
LOCK TABLES `products` WRITE;
DROP TRIGGER IF EXISTS `pontoon_products_stock_ins`;
DROP TRIGGER IF EXISTS `pontoon_products_stock_upd`;
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_stock_old_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`pontoon_stock_old` = IF(NEW.`stock` = -9223372036854775808, NEW.`pontoon_stock_old`, (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`)),
    NEW.`stock` = IF(NEW.`stock` = -9223372036854775808, (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_old` AS `stock`) AS `products`), NEW.`stock`);
CREATE TRIGGER IF NOT EXISTS `pontoon_products_pontoon_stock_old_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`pontoon_stock_old` = CASE
        WHEN @pontoon_backfill IS NOT NULL OR NEW.`stock` <=> OLD.`stock` OR (NEW.`stock` = -9223372036854775808) THEN NEW.`pontoon_stock_old`
        ELSE (SELECT `stock` FROM (SELECT NEW.`stock` AS `stock`) AS `products`)
    END,
    NEW.`stock` = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.`stock`
        WHEN (NEW.`stock` = -9223372036854775808) OR (NEW.`stock` <=> OLD.`stock` AND NOT (NEW.`pontoon_stock_old` <=> OLD.`pontoon_stock_old`)) THEN (SELECT `stock` FROM (SELECT NEW.`pontoon_stock_old` AS `stock`) AS `products`)
        ELSE NEW.`stock`
    END;
UNLOCK TABLES;

-- @stage contract

-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @done not index products.pontoon_products_sku_key_old
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` DROP INDEX `pontoon_products_sku_key_old`, ALGORITHM=INPLACE, LOCK=NONE;

-- New code leaves the column out; old code still reads a value.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done default products.pontoon_sku_old
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` ALTER COLUMN `pontoon_sku_old` SET DEFAULT '', ALGORITHM=INSTANT;

-- First, so that no writer can leave a marker behind once the triggers are gone.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not default products.sku
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` ALTER COLUMN `sku` DROP DEFAULT, ALGORITHM=INSTANT;

-- All code writes the column itself now.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_pontoon_sku_old_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_products_pontoon_sku_old_ins`;

-- All code writes the column itself now.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_pontoon_sku_old_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_products_pontoon_sku_old_upd`;

-- The values are gone from here on.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not column products.pontoon_sku_old
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` DROP COLUMN `pontoon_sku_old`, ALGORITHM=INSTANT;

-- First, so that no writer can leave a marker behind once the triggers are gone.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done repeatable
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` ALTER COLUMN `stock` SET DEFAULT 0, ALGORITHM=INSTANT;

-- All code writes the column itself now.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_pontoon_stock_old_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_products_pontoon_stock_old_ins`;

-- All code writes the column itself now.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_pontoon_stock_old_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_products_pontoon_stock_old_upd`;

-- The values are gone from here on.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not column products.pontoon_stock_old
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` DROP COLUMN `pontoon_stock_old`, ALGORITHM=INSTANT;
