CREATE TABLE lessons (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    run TEXT NOT NULL,
    attempt TEXT NOT NULL,
    label TEXT NOT NULL,
    task TEXT NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    actions TEXT NOT NULL,
    tag TEXT NOT NULL,
    category TEXT NOT NULL,
    state TEXT NOT NULL,
    result TEXT NOT NULL,
    uses INTEGER,
    objective TEXT NOT NULL,
    goal TEXT NOT NULL,
    outcome TEXT NOT NULL,
    gain REAL,
    low REAL,
    high REAL,
    total REAL,
    again INTEGER NOT NULL,
    model TEXT NOT NULL,
    rounds INTEGER NOT NULL,
    cost_usd REAL,
    estimated INTEGER NOT NULL,
    files TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (run, attempt)
);
CREATE INDEX lessons_by_project ON lessons (project, objective, goal);
CREATE INDEX lessons_by_model ON lessons (model) WHERE model <> '';

CREATE VIRTUAL TABLE lesson_words USING fts5 (
    text, actions, tag, category, files, objective, state,
    content = 'lessons', content_rowid = 'id', tokenize = 'unicode61'
);
CREATE TRIGGER lessons_added AFTER INSERT ON lessons BEGIN
    INSERT INTO lesson_words (rowid, text, actions, tag, category, files, objective, state)
    VALUES (new.id, new.text, new.actions, new.tag, new.category, new.files, new.objective, new.state);
END;
CREATE TRIGGER lessons_removed AFTER DELETE ON lessons BEGIN
    INSERT INTO lesson_words
        (lesson_words, rowid, text, actions, tag, category, files, objective, state)
    VALUES ('delete', old.id, old.text, old.actions, old.tag, old.category, old.files,
            old.objective, old.state);
END;
