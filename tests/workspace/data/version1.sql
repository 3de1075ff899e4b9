-- A workspace of version 1, as `sqlite3.iterdump` writes it; never change it.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE documents (
	id VARCHAR NOT NULL, 
	pseudonym VARCHAR NOT NULL, 
	modality VARCHAR, 
	series VARCHAR NOT NULL, 
	colour VARCHAR NOT NULL, 
	opened VARCHAR NOT NULL, 
	saved VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "documents" VALUES('7ddee6ee32934122b8704c630d3a2539','Subject-QXZ7WK','CT','CT, series 3','grey','2026-11-23T03:35:40.460978+00:00','2026-11-23T03:35:40.629027+00:00');
CREATE TABLE edits (
	id INTEGER NOT NULL, 
	document_id VARCHAR NOT NULL, 
	frame_id INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	applied INTEGER NOT NULL, 
	delta BLOB, 
	top INTEGER NOT NULL, 
	"left" INTEGER NOT NULL, 
	bottom INTEGER NOT NULL, 
	"right" INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	FOREIGN KEY(frame_id) REFERENCES frames (id) ON DELETE CASCADE
);
INSERT INTO "edits" VALUES(1,'7ddee6ee32934122b8704c630d3a2539',1,'mask','paint polyp','ann','done',1,X'0101000000300000007801636060603000625201138900001C580091',3,4,9,12);
INSERT INTO "edits" VALUES(2,'7ddee6ee32934122b8704c630d3a2539',1,'mask','paint fold','ann','undone',2,X'01010000001000000078016360606010006274C08C060004000041',12,4,14,12);
CREATE TABLE frames (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	document_id VARCHAR NOT NULL, 
	source_id INTEGER NOT NULL, 
	frame INTEGER NOT NULL, 
	rows INTEGER NOT NULL, 
	columns INTEGER NOT NULL, 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	FOREIGN KEY(source_id) REFERENCES sources (id), 
	UNIQUE (source_id, frame)
);
INSERT INTO "frames" VALUES(1,'7ddee6ee32934122b8704c630d3a2539',1,0,40,50);
INSERT INTO "frames" VALUES(2,'7ddee6ee32934122b8704c630d3a2539',2,0,40,50);
CREATE TABLE job_arrays (
	job_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	blob VARCHAR NOT NULL, 
	PRIMARY KEY (job_id, name), 
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE TABLE jobs (
	id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	lane VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	place DOUBLE NOT NULL, 
	created VARCHAR NOT NULL, 
	document_id VARCHAR NOT NULL, 
	message VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	request VARCHAR, 
	PRIMARY KEY (id)
);
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('salt','5a5c8b530b3f8d411740573686a7c57b');
CREATE TABLE notes (
	document_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (document_id, "key"), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
CREATE TABLE patches (
	edit_id INTEGER NOT NULL, 
	result_id VARCHAR NOT NULL, 
	"before" VARCHAR NOT NULL, 
	"after" VARCHAR NOT NULL, 
	PRIMARY KEY (edit_id), 
	FOREIGN KEY(edit_id) REFERENCES edits (id) ON DELETE CASCADE
);
CREATE TABLE paths (
	id INTEGER NOT NULL, 
	document_id VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	opened VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	UNIQUE (document_id, path)
);
INSERT INTO "paths" VALUES(1,'7ddee6ee32934122b8704c630d3a2539','/somewhere/Mustermann^Erika/series-0815','2026-11-23T03:35:40.460978+00:00');
CREATE TABLE people (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "people" VALUES('1907d644cc34','Ann');
CREATE TABLE pictures (
	id VARCHAR NOT NULL, 
	job_id VARCHAR NOT NULL, 
	candidate INTEGER NOT NULL, 
	seed INTEGER NOT NULL, 
	created VARCHAR NOT NULL, 
	provenance VARCHAR NOT NULL, 
	pixels VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (job_id, candidate)
);
CREATE TABLE results (
	id VARCHAR NOT NULL, 
	job_id VARCHAR NOT NULL, 
	document_id VARCHAR NOT NULL, 
	frame_id INTEGER NOT NULL, 
	candidate INTEGER NOT NULL, 
	seed INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	created VARCHAR NOT NULL, 
	seam DOUBLE, 
	provenance VARCHAR NOT NULL, 
	notices VARCHAR NOT NULL, 
	patch VARCHAR NOT NULL, 
	effective VARCHAR NOT NULL, 
	alpha VARCHAR, 
	top INTEGER NOT NULL, 
	"left" INTEGER NOT NULL, 
	bottom INTEGER NOT NULL, 
	"right" INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	FOREIGN KEY(frame_id) REFERENCES frames (id) ON DELETE CASCADE, 
	UNIQUE (job_id, candidate)
);
CREATE TABLE snapshots (
	frame_id INTEGER NOT NULL, 
	step_id INTEGER NOT NULL, 
	blob VARCHAR NOT NULL, 
	top INTEGER NOT NULL, 
	"left" INTEGER NOT NULL, 
	bottom INTEGER NOT NULL, 
	"right" INTEGER NOT NULL, 
	PRIMARY KEY (frame_id), 
	FOREIGN KEY(frame_id) REFERENCES frames (id) ON DELETE CASCADE
);
CREATE TABLE sources (
	id INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (source)
);
INSERT INTO "sources" VALUES(1,'uid:1.2.826.0.1.3680043.8.498.4711.0');
INSERT INTO "sources" VALUES(2,'uid:1.2.826.0.1.3680043.8.498.4711.1');
CREATE TABLE steps (
	id INTEGER NOT NULL, 
	frame_id INTEGER NOT NULL, 
	edit_id INTEGER NOT NULL, 
	undo BOOLEAN NOT NULL, 
	at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(edit_id) REFERENCES edits (id) ON DELETE CASCADE, 
	FOREIGN KEY(frame_id) REFERENCES frames (id) ON DELETE CASCADE
);
INSERT INTO "steps" VALUES(1,1,1,0,'2026-11-23T03:35:40.593045+00:00');
INSERT INTO "steps" VALUES(2,1,2,0,'2026-11-23T03:35:40.611970+00:00');
INSERT INTO "steps" VALUES(3,1,2,1,'2026-11-23T03:35:40.629027+00:00');
CREATE INDEX ix_documents_opened ON documents (opened);
CREATE INDEX ix_jobs_document_id ON jobs (document_id);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_pictures_pixels ON pictures (pixels);
CREATE INDEX ix_frames_document_id ON frames (document_id);
CREATE INDEX ix_job_arrays_blob ON job_arrays (blob);
CREATE INDEX ix_paths_path ON paths (path);
CREATE INDEX edits_of_frame ON edits (frame_id, kind, applied);
CREATE INDEX edits_of_person ON edits (document_id, person, state, applied);
CREATE INDEX ix_results_alpha ON results (alpha);
CREATE INDEX ix_results_document_id ON results (document_id);
CREATE INDEX ix_results_effective ON results (effective);
CREATE INDEX ix_results_frame_id ON results (frame_id);
CREATE INDEX ix_results_patch ON results (patch);
CREATE INDEX ix_snapshots_blob ON snapshots (blob);
CREATE INDEX ix_patches_after ON patches ("after");
CREATE INDEX ix_patches_before ON patches ("before");
CREATE INDEX ix_steps_edit_id ON steps (edit_id);
CREATE INDEX steps_of_frame ON steps (frame_id, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('frames',2);
COMMIT;
