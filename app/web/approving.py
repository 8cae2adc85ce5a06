"""A manager approves, on the same screen, what is beyond a colleague's allowance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from flask import current_app, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, PasswordField, SelectField

from app.errors import AllowanceExceeded, InvalidParameter, RegularsError
from app.http.actors import actor, signed_in
from app.http.database import reading, writing
from app.rules.actors import Approval
from app.services.results import Result
from app.services.staff import passkeys, pins
from app.services.staff.passkeys import Site
from app.web.base_form import Made, RegularsForm, act_once
from app.web.choices import choice

_NOT_OF_THE_ACT = {"csrf_token", "act", "approver_id", "approver_pin", "approver_passkey"}


class ApprovableForm(RegularsForm):
    """A form whose act may need a manager.

    Attributes:
        asks_approval: whether the fields for it are shown.
    """

    approver_id = SelectField("Who approves it", validate_choice=False, default="")
    approver_pin = PasswordField(
        "Their PIN",
        render_kw={
            "inputmode": "numeric",
            "autocomplete": "off",
            "maxlength": "6",
            "data-empty": "Type the manager’s PIN.",
        },
    )
    approver_passkey = HiddenField()
    asks_approval = False
    has_passkeys = False

    @property
    def can_be_approved(self) -> bool:
        """Whether there is a manager who can approve it here."""
        return self.asks_approval and (bool(self.approver_id.choices) or self.has_passkeys)

    def submit_approved(
        self,
        act: Callable[[Session, Approval | None], Made],
        again: Callable[[Session, str], Made],
    ) -> Result[Made] | None:
        """Run an act once, as `submit_once` does, with the approval of a manager."""
        if not self.validate_on_submit():
            return None
        return self.attempt(lambda: self._act_approved(act, again))

    def _act_approved(
        self,
        act: Callable[[Session, Approval | None], Made],
        again: Callable[[Session, str], Made],
    ) -> Result[Made]:
        approval = self._take_approval()
        return act_once(self.key, lambda session: act(session, approval), again)

    def _take_approval(self) -> Approval | None:
        """Check what the manager typed; None where nobody was asked.

        The approval is good for the act of this very request, and for nothing else: sent again
        the form is the same act, and changed it needs the PIN again.

        Raises:
            RegularsError: the PIN is wrong, or was tried too often.
        """
        if self.approver_passkey.data:
            with writing() as session:
                return passkeys.approve(
                    session,
                    merchant_id=signed_in().merchant.id,
                    credential=self.approver_passkey.data,
                    purpose=purpose_of(request.path, request.form),
                    site=site(),
                    by=actor(),
                )
        if not self.approver_pin.data:
            return None
        if not self.approver_id.data:
            raise InvalidParameter("approver_id", "Choose who approves it, then type their PIN.")
        with writing() as session:
            approval = pins.approve(
                session,
                merchant_id=signed_in().merchant.id,
                approver_id=self.approver_id.data,
                pin=self.approver_pin.data,
                by=actor(),
            )
        if approval is None:
            raise InvalidParameter("approver_pin", "This PIN is not right. Type it again.")
        return approval

    def refuse(self, error: RegularsError) -> None:
        """Show a refusal, and where a manager can help, the fields for it."""
        super().refuse(error)
        was_asked = bool(
            self.approver_id.data or self.approver_pin.data or self.approver_passkey.data
        )
        self.asks_approval = isinstance(error, AllowanceExceeded) or was_asked
        self.approver_passkey.data = ""
        if self.asks_approval:
            with reading() as session:
                approvers = pins.list_approvers(
                    session, merchant_id=signed_in().merchant.id, by=actor()
                )
                known = passkeys.list_of_approvers(
                    session, merchant_id=signed_in().merchant.id, by=actor()
                )
            with_pin = [each for each in approvers if each.pin_hash]
            choices = [choice(each.id, each.name) for each in with_pin]
            if len(with_pin) == 1:
                self.approver_id.data = with_pin[0].id
            elif with_pin:
                # Nobody is chosen beforehand, so that no PIN counts against a colleague.
                choices.insert(0, choice("", "Choose"))
            self.approver_id.choices = choices
            self.has_passkeys = bool(known)


def site() -> Site:
    """Say where passkeys are good: at the address that the browser sees."""
    return Site(
        host=request.host.rsplit(":", 1)[0],
        origin=request.host_url.rstrip("/"),
        key=current_app.config["SECRET_KEY"],
    )


def purpose_of(path: str, fields: MultiDict[str, str]) -> str:
    """Name an act in all its parts: who does it, where, to whom, and all that was typed."""
    act = {name: value for name, value in fields.items() if name not in _NOT_OF_THE_ACT}
    described = json.dumps([actor().id, path, act], sort_keys=True)
    return f"approve {hashlib.sha256(described.encode()).hexdigest()}"
