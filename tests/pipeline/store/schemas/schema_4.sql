BEGIN TRANSACTION;
CREATE TABLE alarms (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event_id TEXT NOT NULL, 
	camera TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	name TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	class_name TEXT, 
	region TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	started_ns BIGINT NOT NULL, 
	started DOUBLE NOT NULL, 
	ended_ns BIGINT, 
	ended DOUBLE, 
	ending TEXT NOT NULL, 
	messages INTEGER NOT NULL, 
	protected BOOLEAN NOT NULL, 
	UNIQUE (event_id)
);
INSERT INTO "alarms" VALUES(1,'gate-1','gate','in_field','yard','critical','person','zone','person #7 was inside the zone for 2.1 s (at least 2 s)',1795161601250000000,10.4,1795161604250000000,14.0,'left',3,1);
INSERT INTO "alarms" VALUES(2,'gate-2','gate','line_crossed','road','high',NULL,'line','person #7 was inside the zone for 2.1 s (at least 2 s)',1795161603250000000,10.4,NULL,NULL,'',1,0);
INSERT INTO "alarms" VALUES(3,'yard-1','yard','in_field','yard','high','person','zone','person #7 was inside the zone for 2.1 s (at least 2 s)',1770000000000000000,10.4,NULL,NULL,'',1,0);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('4');
CREATE TABLE decisions (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	sink TEXT NOT NULL, 
	message_id TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	role TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	episode TEXT NOT NULL, 
	digest INTEGER, 
	decided_ns BIGINT NOT NULL, 
	UNIQUE (message_id, sink), 
	FOREIGN KEY(message_id) REFERENCES events (message_id)
);
INSERT INTO "decisions" VALUES(1,'file','sample-gate-1','gate-1','pass','opening','first','gate-1',0,7);
INSERT INTO "decisions" VALUES(2,'file','sample-gate-2','gate-1','held','follow','cap','',0,7);
CREATE TABLE digests (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message_id TEXT NOT NULL, 
	sink TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	first_attempt_ns BIGINT, 
	next_attempt_ns BIGINT NOT NULL, 
	settled_ns BIGINT, 
	last_error TEXT NOT NULL, 
	made_ns BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	UNIQUE (message_id)
);
INSERT INTO "digests" VALUES(1,'d1','file','pending',0,NULL,0,NULL,'',1770000000000000000,'{"schema":2,"id":"d1","message_id":"d1","type":"digest","camera":"","rule":"in_field","name":"yard","severity":"high","ordinal":1,"media_time":12.5,"started":10.4,"frame":126,"wall_time":null,"reason":"person #7 was inside the zone for 2.1 s (at least 2 s)","ended":"","object":{"class":"person","track_id":7,"confidence":0.83,"box_px":[320.0,240.0,360.0,340.0],"box":[0.41667,0.41667,0.46875,0.59028],"path":[[0.3,0.6,10.4],[0.38,0.6,11.4],[0.44271,0.59028,12.5]],"attributes":{}},"region":{"zone":[[0.25,0.3],[0.9,0.3],[0.9,0.95],[0.25,0.95]]},"score_history":[[12.3,0.81],[12.4,0.85],[12.5,0.83]],"why":[{"comparison":">=","predicate":"inside_s","threshold":2.0,"time":12.5,"value":2.1}],"evidence":{},"model":{"name":"motion","sha256":""},"analysis_sha256":"0000000000000000000000000000000000000000000000000000000000000000","version":"","correlation_id":"gate/0/125"}');
CREATE TABLE events (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message_id TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	type TEXT NOT NULL, 
	camera TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	name TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	class_name TEXT, 
	ordinal INTEGER NOT NULL, 
	media_time DOUBLE NOT NULL, 
	wall_time TEXT, 
	committed_ns BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	UNIQUE (message_id)
);
INSERT INTO "events" VALUES(1,'sample-gate-1','gate-1','start','gate','in_field','yard','high','person',1,11.0,'2026-11-20T08:00:01.250000Z',1770000000000000000,'{"schema":2,"id":"gate-1","message_id":"sample-gate-1","type":"start","camera":"gate","rule":"in_field","name":"yard","severity":"high","ordinal":1,"media_time":11.0,"started":10.4,"frame":126,"wall_time":"2026-11-20T08:00:01.250000Z","reason":"person #7 was inside the zone for 2.1 s (at least 2 s)","ended":"","object":{"class":"person","track_id":7,"confidence":0.83,"box_px":[320.0,240.0,360.0,340.0],"box":[0.41667,0.41667,0.46875,0.59028],"path":[[0.3,0.6,10.4],[0.38,0.6,11.4],[0.44271,0.59028,12.5]],"attributes":{}},"region":{"zone":[[0.25,0.3],[0.9,0.3],[0.9,0.95],[0.25,0.95]]},"score_history":[[12.3,0.81],[12.4,0.85],[12.5,0.83]],"why":[{"comparison":">=","predicate":"inside_s","threshold":2.0,"time":12.5,"value":2.1}],"evidence":{},"model":{"name":"motion","sha256":""},"analysis_sha256":"0000000000000000000000000000000000000000000000000000000000000000","version":"","correlation_id":"gate/0/125"}');
INSERT INTO "events" VALUES(2,'sample-gate-2','gate-1','update','gate','in_field','yard','critical','person',2,12.0,'2026-11-20T08:00:02.250000Z',1770000000000000000,'{"schema":2,"id":"gate-1","message_id":"sample-gate-2","type":"update","camera":"gate","rule":"in_field","name":"yard","severity":"critical","ordinal":2,"media_time":12.0,"started":10.4,"frame":126,"wall_time":"2026-11-20T08:00:02.250000Z","reason":"person #7 was inside the zone for 2.1 s (at least 2 s)","ended":"","object":{"class":"person","track_id":7,"confidence":0.83,"box_px":[320.0,240.0,360.0,340.0],"box":[0.41667,0.41667,0.46875,0.59028],"path":[[0.3,0.6,10.4],[0.38,0.6,11.4],[0.44271,0.59028,12.5]],"attributes":{}},"region":{"zone":[[0.25,0.3],[0.9,0.3],[0.9,0.95],[0.25,0.95]]},"score_history":[[12.3,0.81],[12.4,0.85],[12.5,0.83]],"why":[{"comparison":">=","predicate":"inside_s","threshold":2.0,"time":12.5,"value":2.1}],"evidence":{},"model":{"name":"motion","sha256":""},"analysis_sha256":"0000000000000000000000000000000000000000000000000000000000000000","version":"","correlation_id":"gate/0/125"}');
INSERT INTO "events" VALUES(3,'sample-gate-3','gate-2','start','gate','line_crossed','road','high',NULL,3,13.0,'2026-11-20T08:00:03.250000Z',1770000000000000000,'{"schema":2,"id":"gate-2","message_id":"sample-gate-3","type":"start","camera":"gate","rule":"line_crossed","name":"road","severity":"high","ordinal":3,"media_time":13.0,"started":10.4,"frame":126,"wall_time":"2026-11-20T08:00:03.250000Z","reason":"person #7 was inside the zone for 2.1 s (at least 2 s)","ended":"","object":null,"region":{"line":[[0.1,0.2],[0.3,0.4]]},"score_history":[[12.3,0.81],[12.4,0.85],[12.5,0.83]],"why":[{"comparison":">=","predicate":"inside_s","threshold":2.0,"time":12.5,"value":2.1}],"evidence":{},"model":{"name":"motion","sha256":""},"analysis_sha256":"0000000000000000000000000000000000000000000000000000000000000000","version":"","correlation_id":"gate/0/125"}');
INSERT INTO "events" VALUES(4,'sample-gate-4','gate-1','end','gate','in_field','yard','high','person',4,14.0,'2026-11-20T08:00:04.250000Z',1770000000000000000,'{"schema":2,"id":"gate-1","message_id":"sample-gate-4","type":"end","camera":"gate","rule":"in_field","name":"yard","severity":"high","ordinal":4,"media_time":14.0,"started":10.4,"frame":126,"wall_time":"2026-11-20T08:00:04.250000Z","reason":"person #7 was inside the zone for 2.1 s (at least 2 s)","ended":"left","object":{"class":"person","track_id":7,"confidence":0.83,"box_px":[320.0,240.0,360.0,340.0],"box":[0.41667,0.41667,0.46875,0.59028],"path":[[0.3,0.6,10.4],[0.38,0.6,11.4],[0.44271,0.59028,12.5]],"attributes":{}},"region":{"zone":[[0.25,0.3],[0.9,0.3],[0.9,0.95],[0.25,0.95]]},"score_history":[[12.3,0.81],[12.4,0.85],[12.5,0.83]],"why":[{"comparison":">=","predicate":"inside_s","threshold":2.0,"time":12.5,"value":2.1}],"evidence":{},"model":{"name":"motion","sha256":""},"analysis_sha256":"0000000000000000000000000000000000000000000000000000000000000000","version":"","correlation_id":"gate/0/125"}');
INSERT INTO "events" VALUES(5,'sample-yard-1','yard-1','start','yard','in_field','yard','high','person',1,11.0,NULL,1770000000000000000,'{"schema":2,"id":"yard-1","message_id":"sample-yard-1","type":"start","camera":"yard","rule":"in_field","name":"yard","severity":"high","ordinal":1,"media_time":11.0,"started":10.4,"frame":126,"wall_time":null,"reason":"person #7 was inside the zone for 2.1 s (at least 2 s)","ended":"","object":{"class":"person","track_id":7,"confidence":0.83,"box_px":[320.0,240.0,360.0,340.0],"box":[0.41667,0.41667,0.46875,0.59028],"path":[[0.3,0.6,10.4],[0.38,0.6,11.4],[0.44271,0.59028,12.5]],"attributes":{}},"region":{"zone":[[0.25,0.3],[0.9,0.3],[0.9,0.95],[0.25,0.95]]},"score_history":[[12.3,0.81],[12.4,0.85],[12.5,0.83]],"why":[{"comparison":">=","predicate":"inside_s","threshold":2.0,"time":12.5,"value":2.1}],"evidence":{},"model":{"name":"motion","sha256":""},"analysis_sha256":"0000000000000000000000000000000000000000000000000000000000000000","version":"","correlation_id":"gate/0/125"}');
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('analysis_sha256','a');
INSERT INTO "meta" VALUES('source_order','["yard","gate"]');
INSERT INTO "meta" VALUES('schema','4');
CREATE TABLE missed (
	camera TEXT NOT NULL, 
	"index" BIGINT NOT NULL, 
	track_id BIGINT NOT NULL, 
	classifier TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (camera, "index", track_id, classifier)
);
INSERT INTO "missed" VALUES('yard',3,7,'colour','late');
CREATE TABLE outbox (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message_id TEXT NOT NULL, 
	sink TEXT NOT NULL, 
	camera TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	first_attempt_ns BIGINT, 
	next_attempt_ns BIGINT NOT NULL, 
	settled_ns BIGINT, 
	last_error TEXT NOT NULL, 
	UNIQUE (message_id, sink), 
	FOREIGN KEY(message_id) REFERENCES events (message_id)
);
INSERT INTO "outbox" VALUES(1,'sample-gate-1','hook','gate','delivered',0,NULL,0,1770000000000000000,'');
INSERT INTO "outbox" VALUES(2,'sample-gate-1','file','gate','pending',0,NULL,0,NULL,'');
INSERT INTO "outbox" VALUES(3,'sample-gate-2','hook','gate','pending',1,1770000000000000000,5,NULL,'receiver is away');
INSERT INTO "outbox" VALUES(4,'sample-gate-2','file','gate','held',0,NULL,0,7,'');
INSERT INTO "outbox" VALUES(5,'sample-gate-3','hook','gate','dead',1,1770000000000000000,0,1770000000000000000,'404');
INSERT INTO "outbox" VALUES(6,'sample-gate-3','file','gate','pending',0,NULL,0,NULL,'');
INSERT INTO "outbox" VALUES(7,'sample-gate-4','hook','gate','pending',0,NULL,0,NULL,'');
INSERT INTO "outbox" VALUES(8,'sample-gate-4','file','gate','pending',0,NULL,0,NULL,'');
INSERT INTO "outbox" VALUES(9,'sample-yard-1','hook','yard','pending',0,NULL,0,NULL,'');
INSERT INTO "outbox" VALUES(10,'sample-yard-1','file','yard','pending',0,NULL,0,NULL,'');
CREATE TABLE readers (
	camera TEXT NOT NULL, 
	generation BIGINT NOT NULL, 
	state BLOB NOT NULL, 
	log_offset BIGINT NOT NULL, 
	log_records BIGINT NOT NULL, 
	spool_offset BIGINT NOT NULL, 
	last_index BIGINT NOT NULL, 
	counts TEXT NOT NULL, 
	ended BOOLEAN NOT NULL, 
	PRIMARY KEY (camera)
);
INSERT INTO "readers" VALUES('gate',2,X'0074',200,20,0,-1,'{"analysed":20}',0);
INSERT INTO "readers" VALUES('yard',1,X'75',50,5,0,-1,'{}',0);
CREATE INDEX ix_events_event_id ON events (event_id);
CREATE INDEX events_by_camera ON events (camera, media_time, ordinal);
CREATE INDEX digests_by_state ON digests (sink, state, number);
CREATE INDEX outbox_by_state ON outbox (sink, state, camera, number);
CREATE INDEX decisions_by_digest ON decisions (sink, digest);
CREATE INDEX decisions_by_event ON decisions (sink, event_id);
CREATE INDEX decisions_by_sink ON decisions (sink, number);
CREATE INDEX alarms_by_time ON alarms (started_ns, number);
CREATE INDEX alarms_by_camera ON alarms (camera, started_ns, number);
CREATE INDEX alarms_by_rule ON alarms (rule, started_ns, number);
CREATE INDEX alarms_by_name ON alarms (name, started_ns, number);
CREATE INDEX alarms_by_severity ON alarms (severity, started_ns, number);
CREATE INDEX alarms_by_class_name ON alarms (class_name, started_ns, number);
CREATE INDEX alarms_open ON alarms (started_ns, number) WHERE ended_ns IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',5);
INSERT INTO "sqlite_sequence" VALUES('outbox',10);
INSERT INTO "sqlite_sequence" VALUES('decisions',2);
INSERT INTO "sqlite_sequence" VALUES('digests',1);
INSERT INTO "sqlite_sequence" VALUES('alarms',3);
COMMIT;
