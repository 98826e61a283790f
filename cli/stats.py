"""taskpaint stats"""

from __future__ import annotations

from . import options, report


def stats(out: options.Dataset, as_json: options.Json = False) -> None:
    """Count a dataset's tasks, sources, instructions and bytes; no image is read.

    [bold]Example[/bold]

      taskpaint stats out
    """
    from ..writers.stats import dataset_stats

    found = dataset_stats(out)
    if as_json:
        report.print_json(found)
        return
    report.print_table(
        "tasks", list(found["tasks"][0]) if found["tasks"] else [], [list(r.values()) for r in found["tasks"]]
    )
    report.print_table(
        "\nsources", ["dataset", "split", "task", "rows"], [list(row.values()) for row in found["sources"]]
    )
    splits = ", ".join(f"{count:,} {name}" for name, count in found["splits"].items())
    images = ", ".join(f"{name} {report.human_bytes(count)}" for name, count in found["image_bytes"].items())
    sizes = found["sizes"]
    report.say(
        f"\n{splits}; {report.human_bytes(found['bytes'])} ({images}); widths {sizes['min_width']} to "
        f"{sizes['max_width']}, heights {sizes['min_height']} to {sizes['max_height']}"
    )
