"""Report of an evaluation as one self-contained HTML file, and as JSON.

Names of files and classes are untrusted text, so everything but numbers is escaped.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.errors import UnreadableImageError
from core.evaluation import report_figures
from core.evaluation.comparison import HEADLINES, Comparison
from core.evaluation.confusions import confusions
from core.evaluation.files import Evaluation, system_name
from core.evaluation.measure_names import DEFINITIONS, MEASURES_AT_K, curve_of, name_of
from core.images.thumbnails import data_uri, thumbnail

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 960px; padding: 0 1rem;
  color: #1f2937; background: #fff; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td, th { padding: 4px 10px; border-bottom: 1px solid #e5e7eb; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
svg .grid { stroke: #e5e7eb; }
.rows { display: grid; grid-template-columns: repeat(8, 1fr); gap: 6px; }
figure { margin: 0; font-size: 11px; overflow: hidden; } figure img { width: 100%; aspect-ratio: 1;
  object-fit: contain; background: #f3f4f6; border: 3px solid transparent; box-sizing: border-box; }
.hit img { border-color: #14b8a6; } .miss img { border-color: #ef4444; }
.query img { border-color: #5b6ad0; } .wide { overflow-x: auto; } .gray { color: #6b7280; }
@media (prefers-color-scheme: dark) { body { color: #e5e7eb; background: #111827; }
  td, th { border-color: #374151; } svg .grid { stroke: #374151; }
  figure img { background: #1f2937; } }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
WORST, MATCHES = 16, 7
ENDS = 12
CONFUSED = 20
FIGURE_NAMES = ("measure", "micro average", "95 % CI", "macro average", "95 % CI")
"""Averages per query (micro) and per class (macro), with bootstrap intervals."""


def html_report(evaluation: Evaluation, dataset: Dataset, others: Mapping[str, Comparison]) -> str:
    """Return the HTML report: figures, classes, confusion, the worst queries, lineage.

    `others` maps names to comparisons with other evaluations, of which this one is the second.
    """
    manifest = evaluation.manifest
    sections = [
        f"<h1>Retrieval quality of {escape(manifest.made_from['dataset'])}</h1>",
        _introduction(manifest),
        "<h2>Metrics</h2>",
        _curves(evaluation),
        _figures(evaluation),
        _against(others),
        "<h2>Classes</h2>",
        _classes(evaluation),
        _confusion(evaluation),
        "<h2>Worst queries</h2>",
        "<p class=gray>Query, then results. Green: relevant, red: not relevant.</p>",
        _worst(evaluation, dataset),
        "<h2>Lineage</h2>",
        _lineage(manifest),
    ]
    title = escape(f"Evaluation {manifest.id}")
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>{''.join(sections)}</body></html>"
    )


def json_report(evaluation: Evaluation) -> str:
    """Return an evaluation as JSON: its manifest and its three tables."""
    tables = {
        "queries": evaluation.queries,
        "classes": evaluation.classes,
        "confusion": evaluation.confusion,
    }
    content = {
        "manifest": asdict(evaluation.manifest),
        **{name: json.loads(table.to_json(orient="records")) for name, table in tables.items()},
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def _introduction(manifest: Manifest) -> str:
    summary, config = manifest.summary, manifest.config
    how = "via index" if "index" in manifest.made_from else "by exact search"
    skipped = summary.get("skipped_classes", {})
    left_out = (
        f" Classes without gallery images, left out: {escape(', '.join(skipped))}."
        if skipped
        else ""
    )
    return (
        f"<p><b>{escape(system_name(manifest))}</b>: {summary['num_queries']:,} "
        f"{escape(str(config['queries']))} queries, gallery of "
        f"{escape(str(config.get('gallery', 'train')))} images, searched {how}. "
        f"A result is relevant if it has the query's class; copies of the query are ignored."
        f"{left_out}</p>"
    )


def _curves(evaluation: Evaluation) -> str:
    summary = evaluation.manifest.summary
    lines = {
        f"{name}@k": [
            (k, summary[m]) for k, m in curve_of(evaluation.measures, base) if m in summary
        ]
        for base, (name, _) in MEASURES_AT_K.items()
    }
    return report_figures.curves({name: points for name, points in lines.items() if points})


def _figures(evaluation: Evaluation) -> str:
    summary = evaluation.manifest.summary
    rows = []
    for name in (name for name in evaluation.measures if name in summary):
        cells = [name_of(name)]
        for key in (name, f"{name}_macro"):
            limits = evaluation.interval(key)
            cells.append(f"{summary[key]:.4f}" if key in summary else "")
            cells.append(f"{limits[0]:.4f} to {limits[1]:.4f}" if limits else "")
        rows.append(cells)
    definitions = "".join(
        f"<li><b>{escape(name)}</b>: {escape(text)}</li>" for name, text in DEFINITIONS.items()
    )
    return (
        _table(FIGURE_NAMES, rows)
        + f"<details><summary>Definitions</summary><ul>{definitions}</ul></details>"
    )


def _against(others: Mapping[str, Comparison]) -> str:
    if not others:
        return ""
    rows = []
    for name, comparison in others.items():
        differences = comparison.differences.set_index("measure")
        for measure in (m for m in HEADLINES if m in differences.index):
            row = differences.loc[measure]
            interval = f"{row['low']:+.4f} to {row['high']:+.4f}"
            rows.append([name, name_of(measure), f"{row['difference']:+.4f}", interval])
    caption = "<p>Difference to other evaluations over the same queries (paired bootstrap).</p>"
    return f"<h2>Comparison</h2>{caption}" + _table(
        ["compared with", "measure", "difference", "95 % CI"], rows
    )


def _classes(evaluation: Evaluation) -> str:
    ranked = evaluation.classes.sort_values("map_at_10", kind="stable")
    pairs = [(str(label), float(value)) for label, value in ranked[["label", "map_at_10"]].values]
    rows = [
        [
            str(row["label"]),
            f"{row['num_queries']}",
            f"{row['map_at_10']:.4f}",
            f"{row['recall_at_1']:.4f}",
            str(row["most_confused"]),
        ]
        for _, row in ranked.iterrows()
    ]
    names = ["class", "queries", "mAP@10", "recall@1", "most confused with"]
    return (
        f"<h3>Best by mAP@10</h3>{report_figures.bars(pairs[-ENDS:][::-1], '#14b8a6', 'Best')}"
        f"<h3>Worst by mAP@10</h3>{report_figures.bars(pairs[:ENDS], '#ef4444', 'Worst')}"
        f"<details><summary>All {len(rows):,} classes</summary>{_table(names, rows)}</details>"
    )


def _confusion(evaluation: Evaluation) -> str:
    if evaluation.confusion.empty:
        return ""
    matrix = confusions(evaluation, CONFUSED)
    figure = report_figures.heat_map(matrix.labels, matrix.shares)
    return (
        "<h2>Confusion</h2><p class=gray>Rows: query class; columns: retrieved class among the "
        f"first ten results.</p><div class=wide>{figure}</div>"
    )


def _worst(evaluation: Evaluation, dataset: Dataset) -> str:
    worst = evaluation.queries.sort_values("map_at_10", kind="stable").head(WORST)
    results = [list(map(int, ids.split()))[:MATCHES] for ids in worst["matches"]]
    queries = [int(image_id) for image_id in worst["image_id"]]
    rows = dataset.catalog.rows_by_id([*queries, *(i for ids in results for i in ids)])
    images = []
    for image_id, label, ids in zip(queries, worst["label"], results, strict=True):
        images.append(_image(dataset, rows.get(image_id), "query"))
        for match in ids:
            row = rows.get(match)
            is_hit = row is not None and row.label == label
            images.append(_image(dataset, row, "hit" if is_hit else "miss"))
        images += ["<figure></figure>"] * (MATCHES - len(ids))
    return f"<div class=rows>{''.join(images)}</div>"


def _image(dataset: Dataset, row: ImageRow | None, mark: str) -> str:
    if row is None:
        return "<figure>no longer in the dataset</figure>"
    label = escape(row.label or "")
    try:
        source = data_uri(thumbnail(dataset.path_of(row), dataset.thumbnails, row.sha256))
    except UnreadableImageError as error:
        return f"<figure>{escape(error.problem)}<br>{label}</figure>"
    path = escape(row.path)
    return f'<figure class={mark}><img src="{source}" alt="{path}" title="{path}">{label}</figure>'


def _lineage(manifest: Manifest) -> str:
    facts: dict[str, Any] = {"evaluation": manifest.id, "made": manifest.created}
    facts |= manifest.made_from | {f"setting {k}": v for k, v in manifest.config.items() if v != ""}
    facts |= {f"version of {name}": version for name, version in manifest.versions.items()}
    return _table(["what", "which"], [[str(name), str(value)] for name, value in facts.items()])


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"
