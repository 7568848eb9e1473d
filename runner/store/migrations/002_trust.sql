-- Verifications are kept, all of them: `runs.verified` is the one that was chosen.
CREATE TABLE verifications (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    made_at REAL NOT NULL,
    facts TEXT NOT NULL                  -- JSON, as in runs.verified
) STRICT;
CREATE INDEX verifications_of_run ON verifications (run);

-- What a run's root can't be relied on for, and what trying it cost.
ALTER TABLE runs ADD COLUMN remarks TEXT NOT NULL DEFAULT '[]';          -- JSON
ALTER TABLE runs ADD COLUMN root_container_s REAL NOT NULL DEFAULT 0;

ALTER TABLE visits ADD COLUMN container_s REAL NOT NULL DEFAULT 0;       -- spent
ALTER TABLE visits ADD COLUMN saved_s REAL NOT NULL DEFAULT 0;           -- by stopping early
ALTER TABLE visits ADD COLUMN proof TEXT NOT NULL DEFAULT '';            -- of test-driven work

-- The interval of one pair has no ends; SQLite's JSON has no word for that.
UPDATE runs SET verified = replace(replace(verified,
    '"low":-Infinity', '"low":null'), '"high":Infinity', '"high":null')
WHERE verified IS NOT NULL;

-- An improvement was called an outcome; it is a verdict now.
UPDATE runs SET verified = json_set(json_remove(verified, '$.outcome'),
    '$.verdict', CASE json_extract(verified, '$.outcome')
        WHEN 'improved' THEN 'improved'
        WHEN 'neutral' THEN 'no difference shown'
        WHEN 'regressed' THEN 'worse'
        WHEN 'rejected' THEN 'worse'
        WHEN 'tampered' THEN 'tampered'
        ELSE 'failed' END)
WHERE verified IS NOT NULL;
