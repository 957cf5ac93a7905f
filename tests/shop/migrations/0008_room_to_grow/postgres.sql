-- Pontoon migration `0008_room_to_grow` for postgres.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog: the wider type holds every value as it is.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done type products.sku character varying(80)
-- @undo nothing: the wider type stays: it holds every value of the narrower one
ALTER TABLE "products" ALTER COLUMN "sku" TYPE varchar(80);

-- A change of the catalog; rows have no value yet.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column products.pontoon_stock_new
-- @undo ALTER TABLE "products" DROP COLUMN "pontoon_stock_new";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" ADD COLUMN "pontoon_stock_new" bigint;

-- What old code's writes give `products.pontoon_stock_new`.
-- @claim locks none; reads no; writes no
-- @done function pontoon_products_stock
-- @undo DROP FUNCTION "pontoon_products_stock"();
-- @undo-claim locks none; reads no; writes no
CREATE FUNCTION "pontoon_products_stock"() RETURNS trigger LANGUAGE plpgsql AS $pontoon$
BEGIN
    IF NEW."pontoon_stock_new" IS NULL AND NOT (TG_OP = 'UPDATE' AND NEW."pontoon_stock_new" IS DISTINCT FROM OLD."pontoon_stock_new") THEN
        NEW."pontoon_stock_new" := (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products");
    ELSIF TG_OP = 'INSERT' THEN
        NEW."stock" := (SELECT "stock" FROM (SELECT NEW."pontoon_stock_new" AS "stock") AS "products");
    ELSIF NEW."pontoon_stock_new" IS DISTINCT FROM OLD."pontoon_stock_new" THEN
        IF NEW."pontoon_stock_new" IS DISTINCT FROM (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products") THEN
            NEW."stock" := (SELECT "stock" FROM (SELECT NEW."pontoon_stock_new" AS "stock") AS "products");
        END IF;
    ELSE
        NEW."pontoon_stock_new" := (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products");
    END IF;
    RETURN NEW;
END
$pontoon$;

-- Keeps `products.pontoon_stock_new` right on every UPDATE from now on; before any row is filled.
-- @claim locks products SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger products.pontoon_products_stock_upd
-- @undo DROP TRIGGER "pontoon_products_stock_upd" ON "products";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_products_stock_upd" BEFORE UPDATE ON "products" FOR EACH ROW WHEN (NEW."pontoon_stock_new" IS NULL OR NEW."pontoon_stock_new" IS DISTINCT FROM OLD."pontoon_stock_new" OR NEW."stock" IS DISTINCT FROM OLD."stock") EXECUTE FUNCTION "pontoon_products_stock"();

-- Keeps `products.pontoon_stock_new` right on every INSERT from now on; before any row is filled.
-- @claim locks products SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger products.pontoon_products_stock_ins
-- @undo DROP TRIGGER "pontoon_products_stock_ins" ON "products";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_products_stock_ins" BEFORE INSERT ON "products" FOR EACH ROW EXECUTE FUNCTION "pontoon_products_stock"();

-- @stage backfill

-- Gives the rows of before their `pontoon_stock_new`, in batches that nobody waits for.
-- @backfill products.pontoon_stock_new
-- @claim locks products ROW EXCLUSIVE; reads no; writes brief
-- @invariant-once SELECT count(*) FROM "products" WHERE "pontoon_stock_new" IS NULL;
-- @walk blocks
UPDATE "products" SET "pontoon_stock_new" = "stock" WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND (hashtid(ctid) & $3::int) <= $4::int AND "pontoon_stock_new" IS NULL;
-- @walk keys id as bigint
UPDATE "products" SET "pontoon_stock_new" = "stock" WHERE "id" >= $1::text::bigint AND "id" <= $2::text::bigint AND "pontoon_stock_new" IS NULL;

-- @stage validate

-- Binds new writes only; the triggers see to it that they comply.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done constraint products.pontoon_products_pontoon_stock_new_not_null
-- @undo ALTER TABLE "products" DROP CONSTRAINT IF EXISTS "pontoon_products_pontoon_stock_new_not_null";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" ADD CONSTRAINT "pontoon_products_pontoon_stock_new_not_null" CHECK ("pontoon_stock_new" IS NOT NULL) NOT VALID;

-- Reads the whole table; reads and writes go on.
-- @claim locks products SHARE UPDATE EXCLUSIVE; scans products; reads no; writes no
-- @done validated products.pontoon_products_pontoon_stock_new_not_null
-- @undo nothing: a proof does no harm
ALTER TABLE "products" VALIDATE CONSTRAINT "pontoon_products_pontoon_stock_new_not_null";

-- The check proves it: no scan.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not nullable products.pontoon_stock_new
-- @undo ALTER TABLE "products" ALTER COLUMN "pontoon_stock_new" DROP NOT NULL;
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" ALTER COLUMN "pontoon_stock_new" SET NOT NULL;

-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not constraint products.pontoon_products_pontoon_stock_new_not_null
-- @undo nothing: NOT NULL goes by itself
ALTER TABLE "products" DROP CONSTRAINT "pontoon_products_pontoon_stock_new_not_null";

-- The column and its successor take each other's names, in one moment.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column products.pontoon_stock_old
-- @undo ALTER TABLE "products" RENAME COLUMN "stock" TO "pontoon_stock_new";
--   ALTER TABLE "products" RENAME COLUMN "pontoon_stock_old" TO "stock";
--   CREATE OR REPLACE FUNCTION "pontoon_products_stock"() RETURNS trigger LANGUAGE plpgsql AS $pontoon$
--   BEGIN
--       IF NEW."pontoon_stock_new" IS NULL AND NOT (TG_OP = 'UPDATE' AND NEW."pontoon_stock_new" IS DISTINCT FROM OLD."pontoon_stock_new") THEN
--           NEW."pontoon_stock_new" := (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products");
--       ELSIF TG_OP = 'INSERT' THEN
--           NEW."stock" := (SELECT "stock" FROM (SELECT NEW."pontoon_stock_new" AS "stock") AS "products");
--       ELSIF NEW."pontoon_stock_new" IS DISTINCT FROM OLD."pontoon_stock_new" THEN
--           IF NEW."pontoon_stock_new" IS DISTINCT FROM (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products") THEN
--               NEW."stock" := (SELECT "stock" FROM (SELECT NEW."pontoon_stock_new" AS "stock") AS "products");
--           END IF;
--       ELSE
--           NEW."pontoon_stock_new" := (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products");
--       END IF;
--       RETURN NEW;
--   END
--   $pontoon$;
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" RENAME COLUMN "stock" TO "pontoon_stock_old";
ALTER TABLE "products" RENAME COLUMN "pontoon_stock_new" TO "stock";
CREATE OR REPLACE FUNCTION "pontoon_products_stock"() RETURNS trigger LANGUAGE plpgsql AS $pontoon$
BEGIN
    IF NEW."stock" IS NULL AND NOT (TG_OP = 'UPDATE' AND NEW."stock" IS DISTINCT FROM OLD."stock") THEN
        NEW."stock" := (SELECT "stock" FROM (SELECT NEW."pontoon_stock_old" AS "stock") AS "products");
    ELSIF TG_OP = 'INSERT' THEN
        NEW."pontoon_stock_old" := (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products");
    ELSIF NEW."stock" IS DISTINCT FROM OLD."stock" THEN
        IF NEW."stock" IS DISTINCT FROM (SELECT "stock" FROM (SELECT NEW."pontoon_stock_old" AS "stock") AS "products") THEN
            NEW."pontoon_stock_old" := (SELECT "stock" FROM (SELECT NEW."stock" AS "stock") AS "products");
        END IF;
    ELSE
        NEW."stock" := (SELECT "stock" FROM (SELECT NEW."pontoon_stock_old" AS "stock") AS "products");
    END IF;
    RETURN NEW;
END
$pontoon$;

-- @stage contract

-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done default products.stock
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE "products" ALTER COLUMN "stock" SET DEFAULT 0;

-- All code writes the column itself now.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_stock_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_products_stock_ins" ON "products";

-- All code writes the column itself now.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_stock_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_products_stock_upd" ON "products";

-- @claim locks none; reads no; writes no
-- @done not function pontoon_products_stock
-- @undo impossible: contract takes away what only old code needed
DROP FUNCTION "pontoon_products_stock"();

-- The values are gone from here on.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not column products.pontoon_stock_old
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE "products" DROP COLUMN "pontoon_stock_old";
