"""What licence texts allow, and what they allow together."""

from __future__ import annotations

import pytest
from taskpaint.builders.registry import find_source, source_names
from taskpaint.manifests.licenses import combine, terms_of


@pytest.mark.parametrize(
    ("text", "identifier", "redistribution", "commercial", "share_alike"),
    [
        ("", "", None, None, ""),
        ("nobody knows", "", None, None, ""),
        ("CC BY 4.0", "cc-by-4.0", True, True, ""),
        ("cc-by-sa-3.0", "cc-by-sa-3.0", True, True, "CC BY-SA 3.0"),
        ("CC BY-NC-SA 3.0", "cc-by-nc-sa-3.0", True, False, "CC BY-NC-SA 3.0"),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd-4.0", False, False, ""),
        ("CC BY-SA 1.0", "", True, True, "CC BY-SA 1.0"),  # the Hub has no name for this version
        ("CC0", "cc0-1.0", True, True, ""),
        ("Apache-2.0", "apache-2.0", True, True, ""),
        ("Apache License 2.0", "apache-2.0", True, True, ""),
        ("MIT", "mit", True, True, ""),
        ("MIT CSAIL", "", None, None, ""),
        ("BSD style, some university", "", True, True, ""),
        ("some terms: non-commercial research only", "", False, False, ""),
        ("annotations CC BY 4.0; photographs under their Flickr licences", "", None, None, ""),
        ("annotations CC BY-NC-SA 4.0; photographs under their Flickr licences", "", None, False, "CC BY-NC-SA 4.0"),
        ("annotations simplified BSD; photographs for research only", "", False, False, ""),
        ("CC BY 4.0; CC BY-SA 4.0", "", True, True, "CC BY-SA 4.0"),
    ],
)
def test_terms_by_hand(text, identifier, redistribution, commercial, share_alike):
    found = terms_of(text)
    assert found.identifier == identifier
    assert found.redistribution is redistribution
    assert found.commercial is commercial
    assert found.share_alike == share_alike


def test_sources_whose_own_pages_forbid_copies():
    forbidden = {name for name in source_names() if terms_of(find_source(name).license).redistribution is False}
    assert {"ade20k", "cityscapes", "mpii", "crowdpose", "face_300w", "aic"} <= forbidden
    assert not forbidden & {"coco", "oxford_pets", "gopro", "reds", "nyu_depth_v2", "kitti_depth"}


def test_one_licence_for_all_keeps_its_name():
    found = combine({"gopro": ["CC BY 4.0"], "reds": ["CC BY 4.0"]})
    assert found.identifier == "cc-by-4.0"
    assert found.warnings == found.forbidden == found.unknown == ()


def test_several_licences_are_other_and_non_commercial_ones_bind_the_whole():
    found = combine({"gopro": ["CC BY 4.0"], "kitti": ["CC BY-NC-SA 3.0"]})
    assert found.identifier == "other"
    assert found.warnings == ("kitti may not be used commercially, so the dataset as a whole may not either.",)


def test_two_share_alike_licences_conflict():
    (warning,) = combine({"a": ["CC BY-SA 4.0"], "b": ["CC BY-SA 3.0"]}).warnings
    assert warning.startswith("Licences conflict")
    assert "a CC BY-SA 4.0 and b CC BY-SA 3.0" in warning
    assert combine({"a": ["CC BY-SA 4.0"], "b": ["CC BY-SA 4.0"]}).warnings == ()


def test_forbidden_and_unknown_are_named():
    found = combine({"a": ["research only"], "b": ["not stated by its authors"], "c": ["MIT", "research only"]})
    assert (found.forbidden, found.unknown) == (("a", "c"), ("b",))
    assert "a and c do not allow" in found.warnings[0]
    assert "of b:" in found.warnings[1]


def test_nothing_combines_to_nothing():
    assert combine({}).identifier == "other"
    assert combine({}).warnings == ()
