-- Pontoon migration `0002_display_name` for mysql.
-- What is reviewed here is what runs, byte for byte. After an edit by hand: `cargo xtask generate --record`.

-- @stage expand

-- A change of the catalog. The default marks rows that have no value yet: no application writes it.
-- @claim locks orders EXCLUSIVE, users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done column users.display_name
-- @undo ALTER TABLE `users` DROP COLUMN `display_name`, ALGORITHM=INSTANT;
-- @undo-claim locks orders EXCLUSIVE, users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
ALTER TABLE `users` ADD COLUMN `display_name` varchar(64) NOT NULL DEFAULT X'1A', ALGORITHM=INSTANT;

-- Keeps `users.display_name` right on every UPDATE from now on; before any row is filled.
-- @claim locks users EXCLUSIVE; reads brief; writes brief
-- @done trigger users.pontoon_users_display_name_upd
-- @undo DROP TRIGGER `pontoon_users_display_name_upd`;
-- @undo-claim locks users EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_users_display_name_upd` BEFORE UPDATE ON `users` FOR EACH ROW SET NEW.`display_name` = CASE
    WHEN @pontoon_backfill IS NOT NULL THEN NEW.`display_name`
    WHEN CAST(NEW.`display_name` AS BINARY) = X'1A' THEN (SELECT substring_index(email, '@', 1) FROM (SELECT NEW.`email` AS `email`) AS `users`)
    WHEN NEW.`display_name` <=> OLD.`display_name` AND NOT (OLD.`email` <=> NEW.`email`) AND OLD.`display_name` <=> (SELECT substring_index(email, '@', 1) FROM (SELECT OLD.`email` AS `email`) AS `users`) THEN (SELECT substring_index(email, '@', 1) FROM (SELECT NEW.`email` AS `email`) AS `users`)
    ELSE NEW.`display_name`
END;

-- Keeps `users.display_name` right on every INSERT from now on; before any row is filled.
-- @claim locks users EXCLUSIVE; reads brief; writes brief
-- @done trigger users.pontoon_users_display_name_ins
-- @undo DROP TRIGGER `pontoon_users_display_name_ins`;
-- @undo-claim locks users EXCLUSIVE; reads brief; writes brief
CREATE TRIGGER `pontoon_users_display_name_ins` BEFORE INSERT ON `users` FOR EACH ROW SET NEW.`display_name` = IF(CAST(NEW.`display_name` AS BINARY) = X'1A', (SELECT substring_index(email, '@', 1) FROM (SELECT NEW.`email` AS `email`) AS `users`), NEW.`display_name`);

-- @stage backfill

-- Gives the rows of before their `display_name`, in batches that nobody waits for.
-- @backfill users.display_name
-- @claim locks users SHARED_WRITE; reads no; writes brief
-- @invariant SELECT count(*) FROM `users` WHERE CAST(`display_name` AS BINARY) = X'1A';
-- @walk keys id as SIGNED
UPDATE `users` SET `display_name` = substring_index(email, '@', 1) WHERE `id` >= CAST(? AS SIGNED) AND `id` <= CAST(? AS SIGNED) AND CAST(`display_name` AS BINARY) = X'1A';

-- @stage contract

-- First, so that no writer can leave a marker behind once the triggers are gone.
-- @claim locks orders EXCLUSIVE, users EXCLUSIVE; algorithm INSTANT; lock NONE; reads brief; writes brief
-- @done not default users.display_name
-- @undo impossible: contract takes away what only old code needed
ALTER TABLE `users` ALTER COLUMN `display_name` DROP DEFAULT, ALGORITHM=INSTANT;

-- All code writes the column itself now.
-- @claim locks users EXCLUSIVE; reads brief; writes brief
-- @done not trigger users.pontoon_users_display_name_ins
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_users_display_name_ins`;

-- All code writes the column itself now.
-- @claim locks users EXCLUSIVE; reads brief; writes brief
-- @done not trigger users.pontoon_users_display_name_upd
-- @undo impossible: contract takes away what only old code needed
DROP TRIGGER `pontoon_users_display_name_upd`;
