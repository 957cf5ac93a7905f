-- Pontoon migration `0006_line_total` for postgres.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog; rows have no value yet.
-- @claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column order_items.line_total
-- @undo ALTER TABLE "order_items" DROP COLUMN "line_total";
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "order_items" ADD COLUMN "line_total" bigint;

-- So that a column left out can be told from a NULL that is meant; the triggers take it away.
-- @claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @done default order_items.line_total
-- @undo ALTER TABLE "order_items" ALTER COLUMN "line_total" DROP DEFAULT;
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "order_items" ALTER COLUMN "line_total" SET DEFAULT -9223372036854775808;

-- What old code's writes give `order_items.line_total`.
-- @claim locks none; reads no; writes no
-- @done function pontoon_order_items_line_total
-- @undo DROP FUNCTION "pontoon_order_items_line_total"();
-- @undo-claim locks none; reads no; writes no
CREATE FUNCTION "pontoon_order_items_line_total"() RETURNS trigger LANGUAGE plpgsql AS $pontoon$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW."line_total" = -9223372036854775808) IS NOT TRUE AND OLD."line_total" IS DISTINCT FROM (SELECT (quantity * unit_price * 100)::bigint FROM (SELECT OLD."quantity" AS "quantity", OLD."unit_price" AS "unit_price") AS "order_items") THEN
        RETURN NEW;
    END IF;
    NEW."line_total" := (SELECT (quantity * unit_price * 100)::bigint FROM (SELECT NEW."quantity" AS "quantity", NEW."unit_price" AS "unit_price") AS "order_items");
    RETURN NEW;
END
$pontoon$;

-- Keeps `order_items.line_total` right on every UPDATE from now on; before any row is filled.
-- @claim locks order_items SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger order_items.pontoon_order_items_line_total_upd
-- @undo DROP TRIGGER "pontoon_order_items_line_total_upd" ON "order_items";
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_order_items_line_total_upd" BEFORE UPDATE ON "order_items" FOR EACH ROW WHEN (NEW."line_total" = -9223372036854775808 OR (NEW."line_total" IS NOT DISTINCT FROM OLD."line_total" AND (OLD."quantity" IS DISTINCT FROM NEW."quantity" OR OLD."unit_price" IS DISTINCT FROM NEW."unit_price"))) EXECUTE FUNCTION "pontoon_order_items_line_total"();

-- Keeps `order_items.line_total` right on every INSERT from now on; before any row is filled.
-- @claim locks order_items SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger order_items.pontoon_order_items_line_total_ins
-- @undo DROP TRIGGER "pontoon_order_items_line_total_ins" ON "order_items";
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_order_items_line_total_ins" BEFORE INSERT ON "order_items" FOR EACH ROW WHEN (NEW."line_total" = -9223372036854775808) EXECUTE FUNCTION "pontoon_order_items_line_total"();

-- A change of the catalog.
-- @claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @done nullable order_items.description
-- @undo ALTER TABLE "order_items" ADD CONSTRAINT "pontoon_order_items_description_not_null" CHECK ("description" IS NOT NULL) NOT VALID;
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @undo-done constraint order_items.pontoon_order_items_description_not_null
-- @undo ALTER TABLE "order_items" VALIDATE CONSTRAINT "pontoon_order_items_description_not_null";
-- @undo-claim locks order_items SHARE UPDATE EXCLUSIVE; scans order_items; reads no; writes no
-- @undo-done validated order_items.pontoon_order_items_description_not_null
-- @undo ALTER TABLE "order_items" ALTER COLUMN "description" SET NOT NULL;
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @undo ALTER TABLE "order_items" DROP CONSTRAINT "pontoon_order_items_description_not_null";
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @undo-done not constraint order_items.pontoon_order_items_description_not_null
ALTER TABLE "order_items" ALTER COLUMN "description" DROP NOT NULL;

-- For rows to come.
-- @claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
-- @done repeatable
-- @undo ALTER TABLE "orders" ALTER COLUMN "status" SET DEFAULT 'new';
-- @undo-claim locks orders ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "orders" ALTER COLUMN "status" SET DEFAULT 'placed';

-- @stage backfill

-- Gives the rows of before their `line_total`, in batches that nobody waits for.
-- @backfill order_items.line_total
-- @claim locks order_items ROW EXCLUSIVE; reads no; writes brief
-- @invariant-once SELECT count(*) FROM "order_items" WHERE ("line_total" = -9223372036854775808 OR "line_total" IS NULL AND ((quantity * unit_price * 100)::bigint) IS NOT NULL);
-- @walk keys order_id as uuid, line as integer
UPDATE "order_items" SET "line_total" = (quantity * unit_price * 100)::bigint WHERE ("order_id", "line") >= ($1::text::uuid, $2::text::integer) AND ("order_id", "line") <= ($3::text::uuid, $4::text::integer) AND ("line_total" = -9223372036854775808 OR "line_total" IS NULL AND ((quantity * unit_price * 100)::bigint) IS NOT NULL);

-- @stage validate

-- Binds new writes only.
-- @claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @done constraint order_items.order_items_quantity_check
-- @undo ALTER TABLE "order_items" DROP CONSTRAINT "order_items_quantity_check";
-- @undo-claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "order_items" ADD CONSTRAINT "order_items_quantity_check" CHECK (quantity > 0) NOT VALID;

-- Reads the whole table; reads and writes go on.
-- @claim locks order_items SHARE UPDATE EXCLUSIVE; scans order_items; reads no; writes no
-- @done validated order_items.order_items_quantity_check
-- @undo nothing: a proof does no harm
ALTER TABLE "order_items" VALIDATE CONSTRAINT "order_items_quantity_check";

-- @stage contract

-- First, so that no writer can leave a marker behind once the triggers are gone.
-- @claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not default order_items.line_total
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE "order_items" ALTER COLUMN "line_total" DROP DEFAULT;

-- All code writes the column itself now.
-- @claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger order_items.pontoon_order_items_line_total_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_order_items_line_total_ins" ON "order_items";

-- All code writes the column itself now.
-- @claim locks order_items ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger order_items.pontoon_order_items_line_total_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_order_items_line_total_upd" ON "order_items";

-- @claim locks none; reads no; writes no
-- @done not function pontoon_order_items_line_total
-- @undo impossible: contract takes away what only old code needed
DROP FUNCTION "pontoon_order_items_line_total"();
