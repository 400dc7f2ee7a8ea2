"""How a report looks: light and dark by the reader's own setting, and on paper."""

INK = "#1b1f24"
"""Colour of text and axes in charts; within a page it follows the page's text colour."""
FAINT = "#c9ced6"
"""Colour of grids in charts; within a page it follows the page's lines."""

CSS = """
:root { color-scheme: light dark; --paper: #ffffff; --card: #f5f6f8; --ink: #1b1f24; --soft: #57606a; --line: #c9ced6;
  --link: #0a58ca; --good: #116329; --warn: #8a4b00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1e2329; --ink: #e6e9ed; --soft: #a3acb7;
  --line: #3a424c; --link: #7ab4ff; --good: #6fd18a; --warn: #f0b35e; --bad: #ff8f86; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
p { margin: .5rem 0; max-width: 50rem; }
a { color: var(--link); }
.lead, figcaption, .title, small { color: var(--soft); }
nav { margin: 1rem 0; font-size: .9rem; }
nav a { display: inline-block; margin-right: 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; margin: 1rem 0;
  padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tiles span { display: block; font-size: .85rem; color: var(--soft); }
.note { border-left: 4px solid var(--soft); background: var(--card); padding: .5rem .8rem; margin: 1rem 0; }
.note.good { border-color: var(--good); } .note.warn { border-color: var(--warn); }
.note.bad { border-color: var(--bad); }
.scroll { overflow-x: auto; }
.title { margin: .75rem 0 0; font-size: .9rem; }
table { border-collapse: collapse; margin: .3rem 0 .75rem; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th.number, td.number { text-align: right; }
td.long { overflow-wrap: anywhere; min-width: 12rem; }
td small { display: inline-block; white-space: nowrap; font-size: .85em; }
thead th { border-bottom: 2px solid var(--line); }
figure { margin: 1rem 0; break-inside: avoid; }
figure svg, figure img { max-width: 100%; height: auto; display: block; }
figure.paper img { background: #ffffff; border-radius: .3rem; }
figcaption { overflow-wrap: anywhere; font-size: .88rem; margin-top: .3rem; max-width: 50rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1rem; align-items: start; }
.gallery figure { margin: 0; }
.gallery img { width: 100%; max-height: 24rem; object-fit: contain; object-position: left; border-radius: .3rem; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: .3rem; padding: .6rem .8rem;
  overflow-x: auto; font-size: .85rem; }
footer { margin-top: 3rem; padding-top: .5rem; border-top: 1px solid var(--line); color: var(--soft);
  font-size: .85rem; }
@media (max-width: 40rem) { body { padding: 1rem .75rem 3rem; } th, td { padding: .25rem .4rem; }
  th { vertical-align: bottom; } }
@media print { :root { --paper: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --line: #bbbbbb; }
  body { max-width: none; font-size: 11pt; padding: 0; } nav { display: none; } h2 { break-after: avoid; }
  tr, figure, .tiles li { break-inside: avoid; } .scroll { overflow: visible; } }
"""
