-- Pontoon migration `0006_line_total` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog; rows have no value yet.
-- @claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column order_items.line_total
-- @undo ALTER TABLE `order_items` DROP COLUMN `line_total`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `order_items` ADD COLUMN `line_total` bigint NULL, ALGORITHM=INSTANT;

-- So that a column left out can be told from a NULL that is meant; the triggers take it away.
-- @claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done default order_items.line_total
-- @undo ALTER TABLE `order_items` ALTER COLUMN `line_total` SET DEFAULT NULL, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `order_items` ALTER COLUMN `line_total` SET DEFAULT -9223372036854775808, ALGORITHM=INSTANT;

-- Keeps `order_items.line_total` right on every UPDATE from now on; before any row is filled.
-- @claim locks order_items EXCLUSIVE; reads brief; writes brief
-- @done trigger order_items.pontoon_order_items_line_total_upd
-- @undo DROP TRIGGER `pontoon_order_items_line_total_upd`;
-- @undo-claim locks order_items EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_order_items_line_total_upd` BEFORE UPDATE ON `order_items` FOR EACH ROW SET NEW.`line_total` = CASE
    WHEN @pontoon_backfill IS NOT NULL THEN NEW.`line_total`
    WHEN NEW.`line_total` = -9223372036854775808 THEN (SELECT cast(quantity * unit_price * 100 as signed) FROM (SELECT NEW.`quantity` AS `quantity`, NEW.`unit_price` AS `unit_price`) AS `order_items`)
    WHEN NEW.`line_total` <=> OLD.`line_total` AND NOT (OLD.`quantity` <=> NEW.`quantity` AND OLD.`unit_price` <=> NEW.`unit_price`) AND OLD.`line_total` <=> (SELECT cast(quantity * unit_price * 100 as signed) FROM (SELECT OLD.`quantity` AS `quantity`, OLD.`unit_price` AS `unit_price`) AS `order_items`) THEN (SELECT cast(quantity * unit_price * 100 as signed) FROM (SELECT NEW.`quantity` AS `quantity`, NEW.`unit_price` AS `unit_price`) AS `order_items`)
    ELSE NEW.`line_total`
END;

-- Keeps `order_items.line_total` right on every INSERT from now on; before any row is filled.
-- @claim locks order_items EXCLUSIVE; reads brief; writes brief
-- @done trigger order_items.pontoon_order_items_line_total_ins
-- @undo DROP TRIGGER `pontoon_order_items_line_total_ins`;
-- @undo-claim locks order_items EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_order_items_line_total_ins` BEFORE INSERT ON `order_items` FOR EACH ROW SET NEW.`line_total` = IF(NEW.`line_total` = -9223372036854775808, (SELECT cast(quantity * unit_price * 100 as signed) FROM (SELECT NEW.`quantity` AS `quantity`, NEW.`unit_price` AS `unit_price`) AS `order_items`), NEW.`line_total`);

-- MySQL has no shorter way: the table is rebuilt in place, while reads and writes go on.
-- @claim locks order_items EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites order_items; scans order_items; reads brief; writes brief
-- @done nullable order_items.description
-- @undo ALTER TABLE `order_items` MODIFY COLUMN `description` varchar(200) NOT NULL, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE; algorithm INPLACE; lock NONE; rewrites order_items; scans order_items; reads brief; writes brief
ALTER TABLE `order_items` MODIFY COLUMN `description` varchar(200) NULL, ALGORITHM=INPLACE, LOCK=NONE;

-- For rows to come.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done repeatable
-- @undo ALTER TABLE `orders` ALTER COLUMN `status` SET DEFAULT 'new', ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `orders` ALTER COLUMN `status` SET DEFAULT 'placed', ALGORITHM=INSTANT;

-- @stage backfill

-- Gives the rows of before their `line_total`, in batches that nobody waits for.
-- @backfill order_items.line_total
-- @claim locks order_items SHARED_WRITE; reads no; writes brief
-- @invariant-once SELECT count(*) FROM `order_items` WHERE (`line_total` = -9223372036854775808 OR `line_total` IS NULL AND (cast(quantity * unit_price * 100 as signed)) IS NOT NULL);
-- @walk keys order_id as hex, line as SIGNED
UPDATE `order_items` SET `line_total` = cast(quantity * unit_price * 100 as signed) WHERE (`order_id` > UNHEX(?) OR (`order_id` = UNHEX(?) AND `line` >= CAST(? AS SIGNED))) AND (`order_id` < UNHEX(?) OR (`order_id` = UNHEX(?) AND `line` <= CAST(? AS SIGNED))) AND (`line_total` = -9223372036854775808 OR `line_total` IS NULL AND (cast(quantity * unit_price * 100 as signed)) IS NOT NULL);

-- @stage validate

-- @assert table `order_items` has more than 100000 rows, and would be copied while writers wait; if that is meant, make the migration anew with `cargo xtask generate --rebase ID --copy-rows N`. Rows counted
SELECT COUNT(*) FROM (SELECT 1 FROM `order_items` LIMIT 100001) AS counted HAVING COUNT(*) > 100000;

-- MySQL has no other way: the table is copied, reads go on, writers wait for the whole copy.
-- @claim locks order_items EXCLUSIVE; algorithm COPY; lock SHARED; rewrites order_items; scans order_items; reads brief; writes rows
-- @done constraint order_items.order_items_quantity_check
-- @undo ALTER TABLE `order_items` DROP CHECK `order_items_quantity_check`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `order_items` ADD CONSTRAINT `order_items_quantity_check` CHECK (quantity > 0), ALGORITHM=COPY, LOCK=SHARED;

-- @stage contract

-- First, so that no writer can leave a marker behind once the triggers are gone.
-- @claim locks order_items EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not default order_items.line_total
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `order_items` ALTER COLUMN `line_total` SET DEFAULT NULL, ALGORITHM=INSTANT;

-- All code writes the column itself now.
-- @claim locks order_items EXCLUSIVE; reads brief; writes brief
-- @done not trigger order_items.pontoon_order_items_line_total_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_order_items_line_total_ins`;

-- All code writes the column itself now.
-- @claim locks order_items EXCLUSIVE; reads brief; writes brief
-- @done not trigger order_items.pontoon_order_items_line_total_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_order_items_line_total_upd`;
