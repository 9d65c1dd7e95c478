CREATE SCHEMA IF NOT EXISTS knowledge_index;

CREATE TABLE IF NOT EXISTS knowledge_index.state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch uuid,
    number bigint NOT NULL DEFAULT 0,
    removal bigint NOT NULL DEFAULT 0,
    vector bigint NOT NULL DEFAULT 0,
    made_by text NOT NULL DEFAULT ''
);
INSERT INTO knowledge_index.state DEFAULT VALUES ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS knowledge_index.stem (
    locale text NOT NULL,
    id bigint NOT NULL,
    stem text NOT NULL,
    passages integer NOT NULL DEFAULT 0,
    titles integer NOT NULL DEFAULT 0,
    articles integer NOT NULL DEFAULT 0,
    PRIMARY KEY (locale, id)
);
CREATE INDEX IF NOT EXISTS stem_prefix ON knowledge_index.stem (locale, stem text_pattern_ops);

CREATE TABLE IF NOT EXISTS knowledge_index.passage (
    chunk bigint PRIMARY KEY,
    article bigint NOT NULL,
    locale text NOT NULL,
    audience text NOT NULL,
    stems bigint[] NOT NULL,
    counts integer[] NOT NULL,
    length integer NOT NULL,
    title bigint[] NOT NULL
);
CREATE INDEX IF NOT EXISTS passage_stems ON knowledge_index.passage USING gin (stems);
CREATE INDEX IF NOT EXISTS passage_article ON knowledge_index.passage (article);
CREATE INDEX IF NOT EXISTS passage_locale ON knowledge_index.passage (locale, length);

CREATE TABLE IF NOT EXISTS knowledge_index.article (
    article bigint PRIMARY KEY,
    locale text NOT NULL,
    stems bigint[] NOT NULL,
    counts integer[] NOT NULL,
    length integer NOT NULL
);
