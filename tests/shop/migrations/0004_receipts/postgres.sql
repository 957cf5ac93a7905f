-- Pontoon migration `0004_receipts` for postgres.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog; no row of `orders` is touched.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column orders.currency
-- @undo ALTER TABLE "orders" DROP COLUMN "currency";
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ADD COLUMN "currency" varchar(3) NOT NULL DEFAULT 'EUR';

-- A change of the catalog; rows have no value yet.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column orders.receipt_id
-- @undo ALTER TABLE "orders" DROP COLUMN "receipt_id";
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ADD COLUMN "receipt_id" uuid;

-- New rows get their value from here on; the rows of before are filled.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done default orders.receipt_id
-- @undo ALTER TABLE "orders" ALTER COLUMN "receipt_id" DROP DEFAULT;
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ALTER COLUMN "receipt_id" SET DEFAULT gen_random_uuid();

-- @stage backfill

-- Gives the rows of before their `receipt_id`, in batches that nobody waits for.
-- @backfill orders.receipt_id
-- @claim locks orders ROW EXCLUSIVE; reads no; writes brief
-- @invariant SELECT count(*) FROM "orders" WHERE "receipt_id" IS NULL;
-- @walk keys id as uuid
UPDATE "orders" SET "receipt_id" = gen_random_uuid() WHERE "id" >= $1::text::uuid AND "id" <= $2::text::uuid AND "receipt_id" IS NULL;

-- @stage validate

-- Binds new writes only; the triggers see to it that they comply.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done constraint orders.pontoon_orders_receipt_id_not_null
-- @undo ALTER TABLE "orders" DROP CONSTRAINT IF EXISTS "pontoon_orders_receipt_id_not_null";
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ADD CONSTRAINT "pontoon_orders_receipt_id_not_null" CHECK ("receipt_id" IS NOT NULL) NOT VALID;

-- Reads the whole table; reads and writes go on.
-- @claim locks orders SHARE UPDATE EXCLUSIVE; scans orders; reads no; writes no
-- @done validated orders.pontoon_orders_receipt_id_not_null
-- @undo nothing: a proof does no harm
ALTER TABLE "orders" VALIDATE CONSTRAINT "pontoon_orders_receipt_id_not_null";

-- The check proves it: no scan.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not nullable orders.receipt_id
-- @undo ALTER TABLE "orders" ALTER COLUMN "receipt_id" DROP NOT NULL;
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ALTER COLUMN "receipt_id" SET NOT NULL;

-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not constraint orders.pontoon_orders_receipt_id_not_null
-- @undo nothing: NOT NULL goes by itself
ALTER TABLE "orders" DROP CONSTRAINT "pontoon_orders_receipt_id_not_null";

-- Reads the whole table; reads and writes go on.
-- @no-transaction
-- @claim locks orders SHARE UPDATE EXCLUSIVE; scans orders; reads no; writes no
-- @done index orders.orders_receipt_id_key
-- @undo DROP INDEX CONCURRENTLY "orders_receipt_id_key";
-- @undo-no-transaction
-- @undo-claim locks orders SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE UNIQUE INDEX CONCURRENTLY "orders_receipt_id_key" ON "orders" ("receipt_id");

-- Reads the whole table; reads and writes go on.
-- @no-transaction
-- @claim locks orders SHARE UPDATE EXCLUSIVE; scans orders; reads no; writes no
-- @done index orders.orders_status_placed_at_idx
-- @undo DROP INDEX CONCURRENTLY "orders_status_placed_at_idx";
-- @undo-no-transaction
-- @undo-claim locks orders SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE INDEX CONCURRENTLY "orders_status_placed_at_idx" ON "orders" ("status", "placed_at");
