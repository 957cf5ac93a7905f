-- Pontoon migration `0002_display_name` for postgres.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog; rows have no value yet.
-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done column users.display_name
-- @undo ALTER TABLE "users" DROP COLUMN "display_name";
-- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "users" ADD COLUMN "display_name" varchar(64);

-- What old code's writes give `users.display_name`.
-- @claim locks none; reads no; writes no
-- @done function pontoon_users_display_name
-- @undo DROP FUNCTION "pontoon_users_display_name"();
-- @undo-claim locks none; reads no; writes no
CREATE FUNCTION "pontoon_users_display_name"() RETURNS trigger LANGUAGE plpgsql AS $pontoon$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW."display_name" IS NULL) IS NOT TRUE AND OLD."display_name" IS DISTINCT FROM (SELECT split_part(email, '@', 1) FROM (SELECT OLD."email" AS "email") AS "users") THEN
        RETURN NEW;
    END IF;
    NEW."display_name" := (SELECT split_part(email, '@', 1) FROM (SELECT NEW."email" AS "email") AS "users");
    RETURN NEW;
END
$pontoon$;

-- Keeps `users.display_name` right on every UPDATE from now on; before any row is filled.
-- @claim locks users SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger users.pontoon_users_display_name_upd
-- @undo DROP TRIGGER "pontoon_users_display_name_upd" ON "users";
-- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_users_display_name_upd" BEFORE UPDATE ON "users" FOR EACH ROW WHEN (NEW."display_name" IS NULL OR (NEW."display_name" IS NOT DISTINCT FROM OLD."display_name" AND (OLD."email" IS DISTINCT FROM NEW."email"))) EXECUTE FUNCTION "pontoon_users_display_name"();

-- Keeps `users.display_name` right on every INSERT from now on; before any row is filled.
-- @claim locks users SHARE ROW EXCLUSIVE; reads no; writes brief
-- @done trigger users.pontoon_users_display_name_ins
-- @undo DROP TRIGGER "pontoon_users_display_name_ins" ON "users";
-- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER "pontoon_users_display_name_ins" BEFORE INSERT ON "users" FOR EACH ROW WHEN (NEW."display_name" IS NULL) EXECUTE FUNCTION "pontoon_users_display_name"();

-- @stage backfill

-- Gives the rows of before their `display_name`, in batches that nobody waits for.
-- @backfill users.display_name
-- @claim locks users ROW EXCLUSIVE; reads no; writes brief
-- @invariant SELECT count(*) FROM "users" WHERE "display_name" IS NULL;
-- @walk blocks
UPDATE "users" SET "display_name" = split_part(email, '@', 1) WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND (hashtid(ctid) & $3::int) <= $4::int AND "display_name" IS NULL;
-- @walk keys id as bigint
UPDATE "users" SET "display_name" = split_part(email, '@', 1) WHERE "id" >= $1::text::bigint AND "id" <= $2::text::bigint AND "display_name" IS NULL;

-- @stage validate

-- Binds new writes only; the triggers see to it that they comply.
-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done constraint users.pontoon_users_display_name_not_null
-- @undo ALTER TABLE "users" DROP CONSTRAINT IF EXISTS "pontoon_users_display_name_not_null";
-- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "users" ADD CONSTRAINT "pontoon_users_display_name_not_null" CHECK ("display_name" IS NOT NULL) NOT VALID;

-- Reads the whole table; reads and writes go on.
-- @claim locks users SHARE UPDATE EXCLUSIVE; scans users; reads no; writes no
-- @done validated users.pontoon_users_display_name_not_null
-- @undo nothing: a proof does no harm
ALTER TABLE "users" VALIDATE CONSTRAINT "pontoon_users_display_name_not_null";

-- The check proves it: no scan.
-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not nullable users.display_name
-- @undo ALTER TABLE "users" ALTER COLUMN "display_name" DROP NOT NULL;
-- @undo-claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
ALTER TABLE "users" ALTER COLUMN "display_name" SET NOT NULL;

-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not constraint users.pontoon_users_display_name_not_null
-- @undo nothing: NOT NULL goes by itself
ALTER TABLE "users" DROP CONSTRAINT "pontoon_users_display_name_not_null";

-- @stage contract

-- All code writes the column itself now.
-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger users.pontoon_users_display_name_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_users_display_name_ins" ON "users";

-- All code writes the column itself now.
-- @claim locks users ACCESS EXCLUSIVE; reads brief; writes brief
-- @done not trigger users.pontoon_users_display_name_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER "pontoon_users_display_name_upd" ON "users";

-- @claim locks none; reads no; writes no
-- @done not function pontoon_users_display_name
-- @undo impossible: contract takes away what only old code needed
DROP FUNCTION "pontoon_users_display_name"();
