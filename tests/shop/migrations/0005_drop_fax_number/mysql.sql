-- Pontoon migration `0005_drop_fax_number` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- Keeps `orders.address` right on every UPDATE from now on; before any row is filled.
-- @claim locks orders EXCLUSIVE; reads brief; writes brief
-- @done trigger orders.pontoon_orders_address_upd
-- @undo DROP TRIGGER `pontoon_orders_address_upd`;
-- @undo-claim locks orders EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_orders_address_upd` BEFORE UPDATE ON `orders` FOR EACH ROW SET NEW.`address` = CASE
    WHEN @pontoon_backfill IS NOT NULL THEN NEW.`address`
    WHEN NEW.`address` IS NULL THEN ('{}')
    ELSE NEW.`address`
END;

-- Keeps `orders.address` right on every INSERT from now on; before any row is filled.
-- @claim locks orders EXCLUSIVE; reads brief; writes brief
-- @done trigger orders.pontoon_orders_address_ins
-- @undo DROP TRIGGER `pontoon_orders_address_ins`;
-- @undo-claim locks orders EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_orders_address_ins` BEFORE INSERT ON `orders` FOR EACH ROW SET NEW.`address` = IF(NEW.`address` IS NULL, ('{}'), NEW.`address`);

-- New code leaves the column out; old code still reads a value.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done default orders.fax_number
-- @undo ALTER TABLE `orders` ALTER COLUMN `fax_number` DROP DEFAULT, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `orders` ALTER COLUMN `fax_number` SET DEFAULT '', ALGORITHM=INSTANT;

-- @stage backfill

-- Gives the rows of before their `address`, in batches that nobody waits for.
-- @backfill orders.address
-- @claim locks orders SHARED_WRITE; reads no; writes brief
-- @invariant SELECT count(*) FROM `orders` WHERE `address` IS NULL;
-- @walk keys id as hex
UPDATE `orders` SET `address` = '{}' WHERE `id` >= UNHEX(?) AND `id` <= UNHEX(?) AND `address` IS NULL;

-- @stage validate

-- MySQL has no shorter way: the table is rebuilt in place, while reads and writes go on.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites orders; scans orders; reads brief; writes brief
-- @done not nullable orders.address
-- @undo ALTER TABLE `orders` MODIFY COLUMN `address` json NULL, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites orders; scans orders; reads brief; writes brief
ALTER TABLE `orders` MODIFY COLUMN `address` json NOT NULL, ALGORITHM=INPLACE, LOCK=NONE;

-- @stage contract

-- All code writes the column itself now.
-- @claim locks orders EXCLUSIVE; reads brief; writes brief
-- @done not trigger orders.pontoon_orders_address_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_orders_address_ins`;

-- All code writes the column itself now.
-- @claim locks orders EXCLUSIVE; reads brief; writes brief
-- @done not trigger orders.pontoon_orders_address_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_orders_address_upd`;

-- All code gives the column a value now.
-- @claim locks orders EXCLUSIVE, users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not default users.newsletter
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `users` ALTER COLUMN `newsletter` DROP DEFAULT, ALGORITHM=INSTANT;

-- @assert `orders.fax_number` goes, and others name it: change or drop them first
SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'orders' AND TRIGGER_NAME NOT LIKE 'pontoon|_%' ESCAPE '|' AND ACTION_STATEMENT REGEXP '(^|[^[:alnum:]_])fax_number($|[^[:alnum:]_])'
UNION ALL SELECT 'view', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() AND LOCATE('`orders`', VIEW_DEFINITION) > 0 AND LOCATE('`fax_number`', VIEW_DEFINITION) > 0;

-- The values are gone from here on.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not column orders.fax_number
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `orders` DROP COLUMN `fax_number`, ALGORITHM=INSTANT;
