"""taskpaint card"""

from __future__ import annotations

from . import options, places, report


def card(out: options.Place, quiet: options.Quiet = False) -> None:
    """Write a dataset's card (README.md, LICENSE.md, pictures) again, with its scores and cuts as they are now.

    What you wrote below the card's last line is kept.

    [bold]Example[/bold]

      taskpaint card out
    """
    from ..engines.card import refresh_card

    with places.changing(out, quiet) as root:
        refresh_card(root)
    report.say(f"{out}/README.md", quiet)
