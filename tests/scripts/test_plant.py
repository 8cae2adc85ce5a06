"""Every fault that is kept fits the code that it takes a protection away from."""

from __future__ import annotations

from scripts.plant import FAULTS, fits


def test_every_fault_fits_and_is_listed() -> None:
    patches = sorted(FAULTS.glob("*.patch"))
    listed = (FAULTS / "README.md").read_text("utf-8")

    assert len(patches) >= 30
    assert [each.name for each in patches if not fits(each)] == []
    assert [each.stem for each in patches if f"`{each.stem}`" not in listed] == []
