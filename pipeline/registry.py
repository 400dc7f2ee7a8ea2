"""Names to classes: the machine knows its stages by name only, and imports one when a process builds it."""

from importlib import import_module
from typing import Any

from pipeline.errors import UsageError

Table = dict[str, str]

SOURCES: Table = {
    "opencv": "stages.capture.opencv:OpenCvSource",
    "pyav": "stages.capture.pyav:PyAvSource",
    "images": "stages.capture.images:ImageFolderSource",
    "synthetic": "stages.capture.synthetic:SyntheticSource",
}
CAPTURES: Table = {"camera": "stages.capture.camera:CameraCapture"}
DETECTORS: Table = {
    "yolo": "stages.detect.yolo:YoloDetector",
    "motion": "stages.detect.motion:MotionDetector",
}
CLASSIFIERS: Table = {
    "colour": "stages.classify.colour:ColourClassifier",
    "crops": "stages.classify.classifier:CropClassifier",
    "few_shot": "stages.classify.few_shot:FewShotClassifier",
    "behaviour": "stages.classify.behaviour:BehaviourModel",
}
MEASUREMENTS: Table = {
    "still": "stages.capture.still:StaticForeground",
    "health": "stages.capture.health:HealthMeter",
    "flow": "stages.capture.flow:FlowGrid",
}
"""What capture can measure for rules, by the names that ``RuleOptions.needs`` gives."""
TRACKERS: Table = {"bytetrack": "stages.track.tracker:ByteTracker"}
ALERTS: Table = {"rules": "stages.alert.stage:AlertStage"}
RULES: Table = {
    "in_field": "stages.alert.rules.in_field:InField",
    "abandoned_object": "stages.alert.rules.abandoned_object:AbandonedObject",
    "removed_object": "stages.alert.rules.removed_object:RemovedObject",
    "camera_health": "stages.alert.rules.camera_health:CameraHealth",
    "line_crossed": "stages.alert.rules.line_crossed:LineCrossed",
    "loitering": "stages.alert.rules.loitering:Loitering",
    "behaviour": "stages.alert.rules.behaviour:Behaviour",
    "crowding": "stages.alert.rules.crowding:Crowding",
    "stopped_vehicle": "stages.alert.rules.stopped_vehicle:StoppedVehicle",
    "wrong_way": "stages.alert.rules.wrong_way:WrongWay",
    "speeding": "stages.alert.rules.speeding:Speeding",
    "fall": "stages.alert.rules.fall:Fall",
    "all": "stages.alert.rules.together:All",
    "any": "stages.alert.rules.together:AnyOf",
    "then": "stages.alert.rules.then:Then",
    "proximity": "stages.alert.rules.proximity:Proximity",
    "tailgating": "stages.alert.rules.tailgating:Tailgating",
    "anomaly": "stages.alert.rules.anomaly:Anomaly",
    "unseen_class": "stages.alert.rules.unseen_class:UnseenClass",
    "not_recorded": "stages.alert.rules.not_recorded:NotRecorded",
    "normal_drift": "stages.alert.rules.normal_drift:NormalDrift",
}
EVIDENCE: Table = {"snapshot": "stages.evidence.snapshot:SnapshotStage"}
SINKS: Table = {
    "apprise": "stages.deliver.apprise:AppriseSink",
    "command": "stages.deliver.command:CommandSink",
    "jsonl": "stages.deliver.jsonl:JsonLinesSink",
    "kafka": "stages.deliver.kafka:KafkaSink",
    "mqtt": "stages.deliver.mqtt:MqttSink",
    "nats": "stages.deliver.nats:NatsSink",
    "sqlite": "stages.deliver.sqlite:SqliteSink",
    "terminal": "stages.deliver.terminal:TerminalSink",
    "webhook": "stages.deliver.webhook:WebhookSink",
}
COMMANDS: Table = {
    "run": "pipeline.commands.run:run",
    "watch": "pipeline.commands.watch:watch",
    "process": "pipeline.commands.process:process",
    "check": "pipeline.commands.check:check",
    "graph": "pipeline.commands.graph:graph",
    "schema": "pipeline.commands.schema:schema",
    "top": "pipeline.commands.top:top",
    "replay": "pipeline.commands.replay:replay",
    "events": "pipeline.commands.events:app",
    "deliver": "pipeline.commands.deliver:app",
    "export": "pipeline.commands.export:export",
    "verify": "pipeline.commands.verify:verify",
    "keys": "pipeline.commands.keys:app",
    "models": "pipeline.commands.models:app",
    "bench": "lab.bench.command:app",
    "dataset": "lab.dataset.command:app",
    "train": "lab.train.command:app",
    "evaluate": "lab.evaluate.command:app",
    "explain": "lab.explain.command:app",
    "why": "lab.why.command:why",
    "compress": "lab.compress.command:app",
    "learn": "lab.normal.learn_command:learn_normal",
    "normal": "lab.normal.normal_command:app",
}


def resolve(kind: str, table: Table) -> Any:
    """The class that ``kind`` names: a name of the table, or ``package.module:Class`` of the user's own.

    Raises ``UsageError`` for an unknown name or a module without that class.
    """
    target = table.get(kind, kind)
    module, _, name = target.partition(":")
    if not name:
        raise UsageError(f"unknown kind {kind!r}; known: {', '.join(sorted(table))}, or package.module:Class")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"kind {kind!r} cannot be loaded from {target!r}: {error}") from error
