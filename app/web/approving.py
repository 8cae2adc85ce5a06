"""A manager approves, on the same screen, what is beyond a colleague's allowance."""

from __future__ import annotations

from wtforms import PasswordField, SelectField

from app.db import reading, writing
from app.errors import AllowanceExceeded, InvalidParameter, RegularsError
from app.http.actors import actor, signed_in
from app.rules.actors import Approval
from app.services import pins
from app.web.base_form import RegularsForm
from app.web.choices import choice


class ApprovableForm(RegularsForm):
    """A form whose act may need a manager.

    Attributes:
        asks_approval: whether the fields for it are shown.
    """

    approver_id = SelectField("Who approves it", validate_choice=False, default="")
    approver_pin = PasswordField(
        "Their PIN",
        render_kw={"inputmode": "numeric", "autocomplete": "off", "maxlength": "6"},
    )
    asks_approval = False

    def take_approval(self) -> Approval | None:
        """Check what the manager typed; None where nobody was asked.

        The approval is good for the act of this very request, and for nothing else: sent again
        the form is the same act, and changed it needs the PIN again.

        Raises:
            RegularsError: the PIN is wrong, or was tried too often.
        """
        if not self.approver_id.data:
            return None
        with writing() as session:
            approval = pins.approve(
                session,
                merchant_id=signed_in().merchant.id,
                approver_id=self.approver_id.data,
                pin=self.approver_pin.data or "",
                by=actor(),
            )
        if approval is None:
            raise InvalidParameter("approver_pin", "This PIN is not right. Type it again.")
        return approval

    def refuse(self, error: RegularsError) -> None:
        """Show a refusal, and where a manager can help, the fields for it."""
        super().refuse(error)
        self.asks_approval = isinstance(error, AllowanceExceeded) or bool(self.approver_id.data)
        if self.asks_approval:
            with reading() as session:
                approvers = pins.list_approvers(
                    session, merchant_id=signed_in().merchant.id, by=actor()
                )
            self.approver_id.choices = [choice(each.id, each.name) for each in approvers]
