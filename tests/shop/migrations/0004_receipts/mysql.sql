-- Pontoon migration `0004_receipts` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog; no row of `orders` is touched.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column orders.currency
-- @undo ALTER TABLE `orders` DROP COLUMN `currency`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `orders` ADD COLUMN `currency` varchar(3) NOT NULL DEFAULT 'EUR', ALGORITHM=INSTANT;

-- A change of the catalog. The default marks rows that have no value yet: no application writes it.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column orders.receipt_id
-- @undo ALTER TABLE `orders` DROP COLUMN `receipt_id`, ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `orders` ADD COLUMN `receipt_id` binary(16) NOT NULL DEFAULT X'706F6E746F6F6E20756E66696C6C6564', ALGORITHM=INSTANT;

-- New rows get their value from here on; the rows of before are filled.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done repeatable
-- @undo ALTER TABLE `orders` ALTER COLUMN `receipt_id` SET DEFAULT X'706F6E746F6F6E20756E66696C6C6564', ALGORITHM=INSTANT;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `orders` ALTER COLUMN `receipt_id` SET DEFAULT (uuid_to_bin(uuid())), ALGORITHM=INSTANT;

-- @stage backfill

-- Gives the rows of before their `receipt_id`, in batches that nobody waits for.
-- @backfill orders.receipt_id
-- @claim locks orders SHARED_WRITE; reads no; writes brief
-- @invariant SELECT count(*) FROM `orders` WHERE `receipt_id` = X'706F6E746F6F6E20756E66696C6C6564';
-- @walk keys id as hex
UPDATE `orders` SET `receipt_id` = uuid_to_bin(uuid()) WHERE `id` >= UNHEX(?) AND `id` <= UNHEX(?) AND `receipt_id` = X'706F6E746F6F6E20756E66696C6C6564';

-- @stage validate

-- Reads the whole table; reads and writes go on.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INPLACE; lock NONE; scans orders; reads brief; writes brief
-- @done index orders.orders_receipt_id_key
-- @undo ALTER TABLE `orders` DROP INDEX `orders_receipt_id_key`, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE `orders` ADD UNIQUE INDEX `orders_receipt_id_key` (`receipt_id`), ALGORITHM=INPLACE, LOCK=NONE;

-- Reads the whole table; reads and writes go on.
-- @claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INPLACE; lock NONE; scans orders; reads brief; writes brief
-- @done index orders.orders_status_placed_at_idx
-- @undo ALTER TABLE `orders` DROP INDEX `orders_status_placed_at_idx`, ALGORITHM=INPLACE, LOCK=NONE;
-- @undo-claim locks order_items EXCLUSIVE, orders EXCLUSIVE; algorithm INPLACE; lock NONE; reads brief; writes brief
ALTER TABLE `orders` ADD INDEX `orders_status_placed_at_idx` (`status`, `placed_at`), ALGORITHM=INPLACE, LOCK=NONE;
