-- A run has nodes, a node has attempts, and an attempt that was completed has one visit. `opened`
-- and `closed` share one counter per run: together they are the order in which the tree changed.
-- A node's parent is in its label: that of A.1.2 is A.1.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL,
    target TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'interrupted', 'stopped')),
    policy TEXT NOT NULL,
    seed INTEGER NOT NULL,
    workers INTEGER NOT NULL,
    objective TEXT NOT NULL,             -- JSON: name, goal, unit
    budget TEXT NOT NULL,                -- JSON
    started_at REAL NOT NULL,
    ended_at REAL,
    elapsed_s REAL NOT NULL DEFAULT 0,   -- of searching, over all resumes
    stop TEXT,
    stop_detail TEXT NOT NULL DEFAULT '',
    best TEXT NOT NULL DEFAULT 'A',
    root_metrics TEXT NOT NULL DEFAULT '[]',
    root_state TEXT,                     -- JSON: snapshot, commit, tree_id
    verified TEXT                        -- JSON
) STRICT;

-- The statistics can be rebuilt from the visits. They are integers, so that they are the same
-- whatever the order in which the visits are added.
CREATE TABLE nodes (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    visits INTEGER NOT NULL DEFAULT 0,        -- here and below
    reward_micro INTEGER NOT NULL DEFAULT 0,  -- here and below, millionths
    observations INTEGER NOT NULL DEFAULT 0,  -- of this node's gain
    gain_sum INTEGER NOT NULL DEFAULT 0,      -- of the observations, in 2^-32 of a log unit
    gain_first INTEGER NOT NULL DEFAULT 0,    -- the first of them
    UNIQUE (run, label)
) STRICT;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    node INTEGER NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    kind TEXT NOT NULL,
    origin TEXT NOT NULL,
    against TEXT NOT NULL,
    actions TEXT NOT NULL,               -- JSON: keys
    expected_gain REAL NOT NULL,
    abandoned TEXT,                      -- why it came to nothing
    UNIQUE (node, number),
    UNIQUE (run, opened)
) STRICT;

CREATE TABLE visits (
    attempt INTEGER PRIMARY KEY REFERENCES attempts (id) ON DELETE CASCADE,
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    closed INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    decision TEXT NOT NULL,
    reward REAL,                         -- the attempt's own; none for a duplicate
    counted_reward REAL NOT NULL,        -- what went up the path
    gain REAL,
    low REAL,
    high REAL,
    pairs INTEGER,
    metrics TEXT NOT NULL,               -- JSON: [name, value, unit] each
    tag TEXT,                            -- of the snapshot, as the next four
    digest TEXT,
    parent_digest TEXT,
    depth INTEGER,
    size_bytes INTEGER,
    commit_id TEXT NOT NULL,
    tree_id TEXT NOT NULL,
    twin TEXT NOT NULL,
    files_changed INTEGER NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL NOT NULL,
    reason TEXT NOT NULL,
    details TEXT NOT NULL,               -- JSON: baseline, ratios, seconds; not needed for a replay
    UNIQUE (run, closed)
) STRICT;
