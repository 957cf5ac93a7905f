-- Pontoon migration `0007_titles` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog; no row of `products` is touched.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column products.stock
-- @undo ALTER TABLE `products` DROP COLUMN `stock`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `products` ADD COLUMN `stock` int NOT NULL DEFAULT 0, ALGORITHM=INSTANT;

-- A change of the catalog. The default marks rows that have no value yet: no application writes it.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column products.title
-- @undo ALTER TABLE `products` DROP COLUMN `title`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `products` ADD COLUMN `title` varchar(200) NOT NULL DEFAULT X'1A', ALGORITHM=INSTANT;

-- Keeps `products.title` right on every UPDATE from now on; before any row is filled.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done trigger products.pontoon_products_title_upd
-- @undo DROP TRIGGER `pontoon_products_title_upd`;
-- @undo-claim locks products EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_products_title_upd` BEFORE UPDATE ON `products` FOR EACH ROW SET NEW.`name` = CASE
        WHEN @pontoon_backfill IS NOT NULL OR NEW.`title` <=> OLD.`title` OR (CAST(NEW.`title` AS BINARY) = X'1A') THEN NEW.`name`
        ELSE (SELECT `title` FROM (SELECT NEW.`title` AS `title`) AS `products`)
    END,
    NEW.`title` = CASE
        WHEN @pontoon_backfill IS NOT NULL THEN NEW.`title`
        WHEN (CAST(NEW.`title` AS BINARY) = X'1A') OR (NEW.`title` <=> OLD.`title` AND NOT (NEW.`name` <=> OLD.`name`)) THEN (SELECT `name` FROM (SELECT NEW.`name` AS `name`) AS `products`)
        ELSE NEW.`title`
    END;

-- Keeps `products.title` right on every INSERT from now on; before any row is filled.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done trigger products.pontoon_products_title_ins
-- @undo DROP TRIGGER `pontoon_products_title_ins`;
-- @undo-claim locks products EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_products_title_ins` BEFORE INSERT ON `products` FOR EACH ROW SET NEW.`name` = IF(CAST(NEW.`title` AS BINARY) = X'1A', NEW.`name`, (SELECT `title` FROM (SELECT NEW.`title` AS `title`) AS `products`)),
    NEW.`title` = IF(CAST(NEW.`title` AS BINARY) = X'1A', (SELECT `name` FROM (SELECT NEW.`name` AS `name`) AS `products`), NEW.`title`);

-- @stage backfill

-- Gives the rows of before their `title`, in batches that nobody waits for.
-- @backfill products.title
-- @claim locks products SHARED_WRITE; reads no; writes brief
-- @invariant SELECT count(*) FROM `products` WHERE CAST(`title` AS BINARY) = X'1A';
-- @walk keys id as SIGNED
UPDATE `products` SET `title` = `name` WHERE `id` >= CAST(? AS SIGNED) AND `id` <= CAST(? AS SIGNED) AND CAST(`title` AS BINARY) = X'1A';

-- @stage validate

-- Reads the whole table; reads and writes go on.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; scans products; reads brief; writes brief
-- @done index products.products_category_title_idx
-- @undo ALTER TABLE `products` DROP INDEX `products_category_title_idx`, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE `products` ADD INDEX `products_category_title_idx` (`category`, `title`), ALGORITHM=INPLACE, LOCK=NONE;

-- @stage contract

-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
-- @done not index products.products_category_name_idx
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` DROP INDEX `products_category_name_idx`, ALGORITHM=INPLACE, LOCK=NONE;

-- @assert `products.name` goes, and others name it: change or drop them first
SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'products' AND TRIGGER_NAME NOT LIKE 'pontoon|_%' ESCAPE '|' AND ACTION_STATEMENT REGEXP '(^|[^[:alnum:]_])name($|[^[:alnum:]_])'
UNION ALL SELECT 'view', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() AND LOCATE('`products`', VIEW_DEFINITION) > 0 AND LOCATE('`name`', VIEW_DEFINITION) > 0;

-- New code leaves the column out; old code still reads a value.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done default products.name
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` ALTER COLUMN `name` SET DEFAULT '', ALGORITHM=INSTANT;

-- First, so that no writer can leave a marker behind once the triggers are gone.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not default products.title
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` ALTER COLUMN `title` DROP DEFAULT, ALGORITHM=INSTANT;

-- All code writes the column itself now.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_title_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_products_title_ins`;

-- All code writes the column itself now.
-- @claim locks products EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_title_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_products_title_upd`;

-- The values are gone from here on.
-- @claim locks order_items EXCLUSIVE, products EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not column products.name
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `products` DROP COLUMN `name`, ALGORITHM=INSTANT;
