"""Pages in tests: each HTML answer is parsed and held to the house's rules."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

import html5lib
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import clock
from app.http import database
from app.models.staff import StaffSession
from tests.factories import PASSWORD

VOID_INPUTS = {"hidden", "submit", "button", "radio", "checkbox"}


@dataclass
class Page:
    """One answer.

    Attributes:
        tree: the parsed document, or None for an answer without HTML.
    """

    response: TestResponse
    tree: ET.Element | None

    @property
    def status(self) -> int:
        """Give the status."""
        return self.response.status_code

    @property
    def text(self) -> str:
        """Give the words that a person reads, white space folded."""
        if self.tree is None:
            return ""
        return re.sub(r"\s+", " ", " ".join(_words(self.tree))).strip()

    @property
    def location(self) -> str:
        """Give where the answer leads, without the host."""
        return str(self.response.location or "")

    def value(self, name: str) -> str:
        """Give what a field of the page's main form holds."""
        return self.fields()[name]

    def fields(self, action: str | None = None) -> dict[str, str]:
        """Give the fields of the form with that action, or of the last form that has a key."""
        assert self.tree is not None
        forms = [form for form in self.tree.iter("form") if form.get("method") == "post"]
        if action is None:
            action = self.response.request.path
        chosen = [form for form in forms if form.get("action") == action] or forms
        return _fields(chosen[-1])

    def elements(self, tag: str) -> list[ET.Element]:
        """List the page's elements of one name."""
        assert self.tree is not None
        return [*([self.tree] if self.tree.tag == tag else []), *self.tree.iter(tag)][:500]

    def links(self) -> list[str]:
        """List where the page's links lead."""
        assert self.tree is not None
        return [str(a.get("href")) for a in self.tree.iter("a") if a.get("href")]


class Visitor:
    """A browser: keeps cookies, checks every page it gets."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def sign_in(
        self, role: str, password: str = PASSWORD, domain: str = "harbour.example.com"
    ) -> Visitor:
        """Sign in as the shop's person of that role."""
        fields = self.get("/sign-in").fields()
        answer = self.post(
            "/sign-in", {**fields, "email": f"{role}@{domain}", "password": password}
        )
        assert answer.status == 303, answer.text
        return self

    def go_live(self) -> None:
        """Switch to Live, as if every sign-in had shown a second factor."""
        with database.of(self.client.application.extensions).writing() as session:
            session.execute(update(StaffSession).values(second_factor_at=clock.now()))
        self.post("/mode", {**self.get("/you").fields("/mode"), "mode": "live"})

    def get(self, path: str, **headers: str) -> Page:
        """Open a page."""
        return _checked(self.client.get(path, headers=_headers(headers)))

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> Page:
        """Send a form."""
        return _checked(self.client.post(path, data=fields, headers=_headers(headers)))

    def send(self, path: str, **typed: Any) -> Page:
        """Open a form's page, type into it, and send it."""
        return self.post(path, {**self.get(path).fields(path), **typed})

    def press(self, page_path: str, action: str) -> Page:
        """Open a page and press the button whose form has that action."""
        return self.post(action, self.get(page_path).fields(action))


def check_html(text: str) -> ET.Element:
    """Parse a page or a part of one and hold it to the house's rules."""
    is_page = text.lstrip().lower().startswith("<!doctype")
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: ET.Element = parser.parse(text) if is_page else _parse_part(parser, text)
    _check_ids(tree)
    _check_labels(tree)
    if is_page:
        headings = list(tree.iter("h1"))
        assert len(headings) == 1, f"{len(headings)} h1 on the page"
        assert tree.find("head/title") is not None
    for element in tree.iter():
        assert "style" not in element.attrib, f"inline style on {element.tag}"
        assert not any(name.startswith("on") for name in element.attrib), element.attrib
    return tree


def _parse_part(parser: html5lib.HTMLParser, text: str) -> ET.Element:
    found = parser.parseFragment(text)
    root = ET.Element("part")
    root.extend(list(found))
    assert len(root) == 1, "a part has one root element"
    return root


def _check_ids(tree: ET.Element) -> None:
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    twice = {each for each in ids if ids.count(each) > 1}
    assert not twice, f"ids that stand twice: {twice}"


def _check_labels(tree: ET.Element) -> None:
    labelled = {label.get("for") for label in tree.iter("label")}
    wrapped = {id(control) for label in tree.iter("label") for control in label.iter()}
    for tag in ("input", "select", "textarea"):
        for control in tree.iter(tag):
            if tag == "input" and control.get("type") == "hidden":
                continue
            has_name = control.get("id") in labelled or id(control) in wrapped
            assert has_name or control.get("aria-label"), f"no label: {control.attrib}"


def _checked(response: TestResponse) -> Page:
    if response.mimetype != "text/html" or not response.data or response.status_code in {302, 303}:
        return Page(response, None)
    return Page(response, check_html(response.get_data(as_text=True)))


def _headers(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _fields(form: ET.Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for control in form.iter("input"):
        name, kind = control.get("name"), control.get("type", "text")
        if name and (kind not in {"radio", "checkbox"} or control.get("checked") is not None):
            found[name] = control.get("value") or ("y" if kind == "checkbox" else "")
    for area in form.iter("textarea"):
        found[str(area.get("name"))] = (area.text or "").strip()
    for select in form.iter("select"):
        options = list(select.iter("option"))
        chosen = [each for each in options if each.get("selected") is not None] or options[:1]
        if chosen:
            found[str(select.get("name"))] = str(chosen[0].get("value"))
    return found


def _words(element: ET.Element) -> list[str]:
    if element.tag in {"script", "style", "head"}:
        return [element.tail or ""]
    words = [element.text or ""]
    for child in element:
        words.extend(_words(child))
    return [*words, element.tail or ""]
