/** Light and dark by what the reader has set; fonts are those of the system. */
export const STYLE = `
:root { color-scheme: light dark; --page: #ffffff; --ink: #1b2330; --soft: #5b6675; --rule: #d9dee5;
  --track: #e9edf2; --plain: #98a3b3; --granary: #0e7c66; --whisker: #1b2330; --good: #0e7c66; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --ink: #e6eaf0; --soft: #9aa6b5; --rule: #2c3440;
  --track: #232b36; --plain: #738093; --granary: #35c2a1; --whisker: #f2f5f8; --good: #35c2a1; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 70rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .2rem; }
h3 { font-size: .95rem; margin: 1rem 0 .4rem; font-weight: 600; }
p { margin: .2rem 0 1rem; max-width: 48rem; }
.note, figcaption { color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: 1.2rem 0 0; padding: 0; list-style: none; }
.legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .45rem; border-radius: 2px; vertical-align: -.08rem; }
.legend i.whisker { height: 2px; background: var(--whisker); border-radius: 0; vertical-align: .25rem; }
i.plain { background: var(--plain); } i.granary { background: var(--granary); }
i.track { background: var(--track); border: 1px solid var(--soft); }
.columns { display: grid; gap: 1rem 2rem; align-items: end; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); }
.columns.two { grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); }
svg { display: block; width: 100%; height: auto; font-size: 13px; }
svg text { fill: var(--ink); } svg .group { font-weight: 600; } svg .label, svg .tick { fill: var(--soft); }
svg .tick { font-size: 11px; } svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .caption { font-variant-numeric: tabular-nums; }
rect.plain, circle.plain { fill: var(--plain); } rect.granary, circle.granary { fill: var(--granary); }
rect.track { fill: var(--track); stroke: var(--soft); stroke-width: .75; }
.whisker { stroke: var(--whisker); stroke-width: 1.25; fill: none; } .grid { stroke: var(--rule); fill: none; }
polyline { fill: none; stroke-width: 2; } polyline.plain { stroke: var(--plain); } polyline.granary { stroke: var(--granary); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .4rem .45rem; text-align: right; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 600; } .words { text-align: left; } th:first-child, td:first-child { padding-left: 0; }
.checks { list-style: none; padding: 0; margin: .6rem 0; } .checks li { padding: .3rem 0 .3rem 1.6rem; text-indent: -1.6rem; }
.checks b { display: inline-block; width: 1.6rem; text-indent: 0; } .holds b { color: var(--good); } .fails b { color: var(--bad); }
.checks span { color: var(--soft); }
@media print { body { max-width: none; padding: 0; } figure { break-inside: avoid; } }
figure { margin: 0; } figure:not(:has(.columns)) { overflow-x: auto; } figcaption { margin-bottom: .8rem; }
figure > svg { min-width: 30rem; max-width: 48rem; } section + p { margin-top: 1.2rem; }
`;
