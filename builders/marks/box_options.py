"""What the tasks that draw boxes are asked alike."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...manifests.recipe import Block, between


class BoxOptions(Block):
    """Options of all tasks that draw boxes around the objects of classes."""

    style: Literal["outline", "filled"] = Field("outline", description="the box's outline, or all of it painted")
    count: Annotated[tuple[int, int], between(1, 6)] = Field(
        (1, 1), description="least and most classes an instruction"
    )
    outline: float = Field(
        0.008, ge=0.001, le=0.05, description="width of the line, share of the shorter side; at least 2 pixels"
    )
    palette: Literal["vivid", "instructdiffusion"] = "vivid"
    classes: tuple[str, ...] | None = Field(None, description="only these; empty: all")
