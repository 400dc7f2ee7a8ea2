"""The page of a package of evidence: one file that a browser shows without network."""

from collections.abc import Sequence
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evidence</title><style>
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin: 2.5rem 0 .5rem; } img, video { max-width: 100%; border-radius: .3rem; background: #000; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .3rem .6rem; border-bottom: 1px solid var(--line);
text-align: left; vertical-align: top; } th { width: 11rem; font-weight: 500; color: var(--quiet); }
code { overflow-wrap: anywhere; font-size: .85em; } .quiet { color: var(--quiet); }
</style></head><body>
<h1>Evidence</h1>
<p>{{ shown|length }} event{{ "" if shown|length == 1 else "s" }}. To check that nothing was altered:
<code>python3 verify.py</code> in this folder.</p>
<p class="quiet">{% if key %}Signed by the site with the public key <code>{{ key }}</code>. Ask the site whether it is
theirs.{% else %}Nothing is signed.{% endif %}</p>
{% for event in shown %}{% set start = event.messages[0] %}{% set last = event.messages[-1] %}
<h2>{{ start.reason }}</h2>
{% if event.files.clip %}{% set poster = event.files.best or event.files.snapshot %}
<video controls preload="metadata" src="{{ event.files.clip }}"{% if poster %} poster="{{ poster }}"{% endif %}></video>
{% if event.told.clip %}<p class="quiet">{{ event.told.clip }}</p>{% else %}
<p class="quiet">If the browser does not show it (H.265, MJPEG), open <a href="{{ event.files.clip }}">the file</a>
with a player.</p>{% endif %}{% endif %}
{% for why in event.undecoded %}<p class="quiet">Its clip is not in the package, since nobody could be hidden in it:
{{ why }}</p>{% endfor %}
{% if event.files.best %}<p>At its best:</p>
<img src="{{ event.files.best }}" alt="{{ start.reason }}: the best picture">{% endif %}
{% if event.files.crop %}<img src="{{ event.files.crop }}" alt="the object alone">{% endif %}
{% if event.files.snapshot %}<p>When it began:</p>
<img src="{{ event.files.snapshot }}" alt="{{ start.reason }}">{% endif %}
{% for kind, file in event.files.items() if kind.startswith("original") %}<p class="quiet">Nothing hidden:
<a href="{{ file }}">{{ kind }}</a></p>{% endfor %}
{% for kind, file in event.earlier %}<p class="quiet">
{% if kind.startswith("original") %}Nothing hidden: {% endif %}<a href="{{ file }}">{{ kind }} picture before that</a>
</p>{% endfor %}
{% for told in event.deleted %}<p class="quiet">{{ told }}</p>{% endfor %}
<table>
<tr><th>camera</th><td>{{ start.camera }}</td></tr>
<tr><th>rule</th><td>{{ start.name }} ({{ start.rule }}), severity {{ last.severity }}</td></tr>
<tr><th>began</th><td>{{ start.wall_time or "" }} at {{ "%.3f"|format(start.started) }} s of the recording</td></tr>
<tr><th>ended</th><td>{% if last.type == "end" %}{{ last.wall_time or "" }} at {{ "%.3f"|format(last.media_time) }} s:
{{ last.reason }}{% else %}not yet{% endif %}</td></tr>
{% if start.object %}<tr><th>about</th><td>{{ start.object["class"] }}, track {{ start.object.track_id }}, confidence
{{ "%.2f"|format(start.object.confidence) }}</td></tr>{% endif %}
<tr><th>why</th><td>{% for step in start.why %}{% if step.predicate %}{{ step.predicate }} {{ step.value }}
{{ step.comparison }} {{ step.threshold }} at {{ step.time }} s<br>{% endif %}{% endfor %}</td></tr>
<tr><th>detector</th><td>{{ start.model.name }} <code>{{ start.model.sha256 }}</code></td></tr>
<tr><th>analysis</th><td>Bartizan {{ start.version }} <code>{{ start.analysis_sha256 }}</code></td></tr>
<tr><th>id</th><td><code>{{ start.id }}</code>, all messages: <a href="{{ event.folder }}/messages.jsonl">
messages.jsonl</a></td></tr>
</table>
{% endfor %}</body></html>
"""


def page(shown: Sequence[dict[str, Any]], *, key: str) -> str:
    """``shown``: of each event its ``messages`` as JSON has them, its ``files`` by kind, pairs of kind and file for
    ``earlier`` ones, what is ``told`` of some of them, why a clip is ``undecoded``, what is said of those that were
    ``deleted``, and its ``folder``."""
    from jinja2 import Environment

    return Environment(autoescape=True, trim_blocks=True).from_string(_PAGE).render(shown=shown, key=key)
