-- Pontoon migration `0007_titles` for postgres.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog; no row of `products` is touched.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column products.stock
-- @undo ALTER TABLE "products" DROP COLUMN "stock";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" ADD COLUMN "stock" integer NOT NULL DEFAULT 0;

-- A change of the catalog; rows have no value yet.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column products.title
-- @undo ALTER TABLE "products" DROP COLUMN "title";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" ADD COLUMN "title" varchar(200);

-- What old code's writes give `products.title`.
-- @claim locks none; reads no; writes no
-- @done function pontoon_products_title
-- @undo DROP FUNCTION "pontoon_products_title"();
-- @undo-claim locks none; reads no; writes no
CREATE FUNCTION "pontoon_products_title"() RETURNS trigger LANGUAGE plpgsql AS $pontoon$
BEGIN
    IF NEW."title" IS NULL AND NOT (TG_OP = 'UPDATE' AND NEW."title" IS DISTINCT FROM OLD."title") THEN
        NEW."title" := (SELECT "name" FROM (SELECT NEW."name" AS "name") AS "products");
    ELSIF TG_OP = 'INSERT' THEN
        NEW."name" := (SELECT "title" FROM (SELECT NEW."title" AS "title") AS "products");
    ELSIF NEW."title" IS DISTINCT FROM OLD."title" THEN
        IF NEW."title" IS DISTINCT FROM (SELECT "name" FROM (SELECT NEW."name" AS "name") AS "products") THEN
            NEW."name" := (SELECT "title" FROM (SELECT NEW."title" AS "title") AS "products");
        END IF;
    ELSE
        NEW."title" := (SELECT "name" FROM (SELECT NEW."name" AS "name") AS "products");
    END IF;
    RETURN NEW;
END
$pontoon$;

-- Keeps `products.title` right on every UPDATE from now on; before any row is filled.
-- @claim locks products SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger products.pontoon_products_title_upd
-- @undo DROP TRIGGER "pontoon_products_title_upd" ON "products";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_products_title_upd" BEFORE UPDATE ON "products" FOR EACH ROW WHEN (NEW."title" IS NULL OR NEW."title" IS DISTINCT FROM OLD."title" OR NEW."name" IS DISTINCT FROM OLD."name") EXECUTE FUNCTION "pontoon_products_title"();

-- Keeps `products.title` right on every INSERT from now on; before any row is filled.
-- @claim locks products SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger products.pontoon_products_title_ins
-- @undo DROP TRIGGER "pontoon_products_title_ins" ON "products";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_products_title_ins" BEFORE INSERT ON "products" FOR EACH ROW EXECUTE FUNCTION "pontoon_products_title"();

-- @stage backfill

-- Gives the rows of before their `title`, in batches that nobody waits for.
-- @backfill products.title
-- @claim locks products ROW EXCLUSIVE; reads no; writes brief
-- @invariant SELECT count(*) FROM "products" WHERE "title" IS NULL;
-- @walk blocks
UPDATE "products" SET "title" = "name" WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND (hashtid(ctid) & $3::int) <= $4::int AND "title" IS NULL;
-- @walk keys id as bigint
UPDATE "products" SET "title" = "name" WHERE "id" >= $1::text::bigint AND "id" <= $2::text::bigint AND "title" IS NULL;

-- @stage validate

-- Binds new writes only; the triggers see to it that they comply.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done constraint products.pontoon_products_title_not_null
-- @undo ALTER TABLE "products" DROP CONSTRAINT IF EXISTS "pontoon_products_title_not_null";
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" ADD CONSTRAINT "pontoon_products_title_not_null" CHECK ("title" IS NOT NULL) NOT VALID;

-- Reads the whole table; reads and writes go on.
-- @claim locks products SHARE UPDATE EXCLUSIVE; scans products; reads no; writes no
-- @done validated products.pontoon_products_title_not_null
-- @undo nothing: a proof does no harm
ALTER TABLE "products" VALIDATE CONSTRAINT "pontoon_products_title_not_null";

-- The check proves it: no scan.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not nullable products.title
-- @undo ALTER TABLE "products" ALTER COLUMN "title" DROP NOT NULL;
-- @undo-claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "products" ALTER COLUMN "title" SET NOT NULL;

-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not constraint products.pontoon_products_title_not_null
-- @undo nothing: NOT NULL goes by itself
ALTER TABLE "products" DROP CONSTRAINT "pontoon_products_title_not_null";

-- Reads the whole table; reads and writes go on.
-- @no-transaction
-- @claim locks products SHARE UPDATE EXCLUSIVE; scans products; reads no; writes no
-- @done index products.products_category_title_idx
-- @undo DROP INDEX CONCURRENTLY "products_category_title_idx";
-- @undo-no-transaction
-- @undo-claim locks products SHARE UPDATE EXCLUSIVE; reads no; writes no
CREATE INDEX CONCURRENTLY "products_category_title_idx" ON "products" ("category", "title");

-- @stage contract

-- @no-transaction
-- @claim locks products SHARE UPDATE EXCLUSIVE; reads no; writes no
-- @done not index products.products_category_name_idx
-- @undo impossible: contract takes away what only old code needed
DROP INDEX CONCURRENTLY "products_category_name_idx";

-- @assert `products.name` goes, and others name it: change or drop them first
SELECT 'trigger', t.tgname::text FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = '"products"'::regclass AND NOT t.tgisinternal AND t.tgname NOT LIKE 'pontoon|_%' ESCAPE '|' AND p.prosrc ~ '(^|[^[:alnum:]_])name($|[^[:alnum:]_])'
UNION ALL SELECT DISTINCT 'view', r.ev_class::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = '"products"'::regclass AND a.attname = 'name';

-- New code leaves the column out; old code still reads a value.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done default products.name
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE "products" ALTER COLUMN "name" SET DEFAULT '';

-- All code writes the column itself now.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_title_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_products_title_ins" ON "products";

-- All code writes the column itself now.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger products.pontoon_products_title_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_products_title_upd" ON "products";

-- @claim locks none; reads no; writes no
-- @done not function pontoon_products_title
-- @undo impossible: contract takes away what only old code needed
DROP FUNCTION "pontoon_products_title"();

-- The values are gone from here on.
-- @claim locks products ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not column products.name
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE "products" DROP COLUMN "name";
