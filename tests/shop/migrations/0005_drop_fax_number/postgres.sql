-- Pontoon migration `0005_drop_fax_number` for postgres.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- What old code's writes give `orders.address`.
-- @claim locks none; reads no; writes no
-- @done function pontoon_orders_address
-- @undo DROP FUNCTION "pontoon_orders_address"();
-- @undo-claim locks none; reads no; writes no
CREATE FUNCTION "pontoon_orders_address"() RETURNS trigger LANGUAGE plpgsql AS $pontoon$
BEGIN
    NEW."address" := ('{}');
    RETURN NEW;
END
$pontoon$;

-- Keeps `orders.address` right on every UPDATE from now on; before any row is filled.
-- @claim locks orders SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger orders.pontoon_orders_address_upd
-- @undo DROP TRIGGER "pontoon_orders_address_upd" ON "orders";
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_orders_address_upd" BEFORE UPDATE ON "orders" FOR EACH ROW WHEN (NEW."address" IS NULL) EXECUTE FUNCTION "pontoon_orders_address"();

-- Keeps `orders.address` right on every INSERT from now on; before any row is filled.
-- @claim locks orders SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger orders.pontoon_orders_address_ins
-- @undo DROP TRIGGER "pontoon_orders_address_ins" ON "orders";
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_orders_address_ins" BEFORE INSERT ON "orders" FOR EACH ROW WHEN (NEW."address" IS NULL) EXECUTE FUNCTION "pontoon_orders_address"();

-- New code leaves the column out; old code still reads a value.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done default orders.fax_number
-- @undo ALTER TABLE "orders" ALTER COLUMN "fax_number" DROP DEFAULT;
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ALTER COLUMN "fax_number" SET DEFAULT '';

-- @stage backfill

-- Gives the rows of before their `address`, in batches that nobody waits for.
-- @backfill orders.address
-- @claim locks orders ROW EXCLUSIVE; reads no; writes brief
-- @invariant SELECT count(*) FROM "orders" WHERE "address" IS NULL;
-- @walk blocks
UPDATE "orders" SET "address" = '{}' WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND (hashtid(ctid) & $3::int) <= $4::int AND "address" IS NULL;
-- @walk keys id as uuid
UPDATE "orders" SET "address" = '{}' WHERE "id" >= $1::text::uuid AND "id" <= $2::text::uuid AND "address" IS NULL;

-- @stage validate

-- Binds new writes only; the triggers see to it that they comply.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done constraint orders.pontoon_orders_address_not_null
-- @undo ALTER TABLE "orders" DROP CONSTRAINT IF EXISTS "pontoon_orders_address_not_null";
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ADD CONSTRAINT "pontoon_orders_address_not_null" CHECK ("address" IS NOT NULL) NOT VALID;

-- Reads the whole table; reads and writes go on.
-- @claim locks orders SHARE UPDATE EXCLUSIVE; scans orders; reads no; writes no
-- @done validated orders.pontoon_orders_address_not_null
-- @undo nothing: a proof does no harm
ALTER TABLE "orders" VALIDATE CONSTRAINT "pontoon_orders_address_not_null";

-- The check proves it: no scan.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not nullable orders.address
-- @undo ALTER TABLE "orders" ALTER COLUMN "address" DROP NOT NULL;
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ALTER COLUMN "address" SET NOT NULL;

-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not constraint orders.pontoon_orders_address_not_null
-- @undo nothing: NOT NULL goes by itself
ALTER TABLE "orders" DROP CONSTRAINT "pontoon_orders_address_not_null";

-- @stage contract

-- All code writes the column itself now.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger orders.pontoon_orders_address_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_orders_address_ins" ON "orders";

-- All code writes the column itself now.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger orders.pontoon_orders_address_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_orders_address_upd" ON "orders";

-- @claim locks none; reads no; writes no
-- @done not function pontoon_orders_address
-- @undo impossible: contract takes away what only old code needed
DROP FUNCTION "pontoon_orders_address"();

-- All code gives the column a value now.
-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not default users.newsletter
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE "users" ALTER COLUMN "newsletter" DROP DEFAULT;

-- @assert `orders.fax_number` goes, and others name it: change or drop them first
SELECT 'trigger', t.tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = '"orders"'::regclass AND NOT t.tgisinternal AND t.tgname NOT LIKE 'pontoon|_%' ESCAPE '|' AND p.prosrc ~ '(^|[^[:alnum:]_])fax_number($|[^[:alnum:]_])'
UNION ALL SELECT DISTINCT 'view', r.ev_class::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = '"orders"'::regclass AND a.attname = 'fax_number';

-- The values are gone from here on.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not column orders.fax_number
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE "orders" DROP COLUMN "fax_number";
