"""The acts of the audit log in words, as one reads what somebody did."""

from __future__ import annotations

from collections.abc import Mapping

from app.models.merchants import Workspace
from app.services.audit.log import AuditLine

WORDS: Mapping[str, str] = {
    "access.refused": "Was refused",
    "api_keys.create": "Made an API key",
    "api_keys.revoke": "Revoked an API key",
    "api_keys.roll": "Replaced an API key",
    "cards.give_number": "Gave a card number",
    "cards.make_link": "Made a card’s link",
    "cards.revoke_link": "Revoked a card’s link",
    "customers.create": "Added a customer",
    "customers.edit": "Changed a customer",
    "devices.edit": "Changed a till",
    "devices.register": "Registered a till",
    "devices.revoke": "Removed a till",
    "inbound.create": "Added a source of payments",
    "inbound.rename": "Renamed a source of payments",
    "inbound.replace_secret": "Replaced a source’s secret",
    "inbound.retry": "Tried a payment again",
    "inbound.switch": "Switched a source on or off",
    "ledger.adjust": "Adjusted a balance",
    "ledger.award": "Awarded points",
    "ledger.reverse": "Reversed an award",
    "locations.add": "Added a shop",
    "locations.close": "Closed a shop",
    "locations.rename": "Renamed a shop",
    "locations.reopen": "Reopened a shop",
    "members.close": "Closed a membership",
    "members.edit": "Changed a member’s details",
    "members.enrol": "Enrolled a member",
    "members.reopen": "Reopened a membership",
    "programs.create": "Set up the program",
    "programs.edit": "Changed the program",
    "redemptions.cancel": "Cancelled a redemption",
    "redemptions.fulfil": "Handed a reward over",
    "redemptions.redeem": "Redeemed a reward",
    "rewards.archive": "Archived a reward",
    "rewards.create": "Added a reward",
    "rewards.edit": "Changed a reward",
    "rewards.restore": "Offered a reward again",
    "staff.add_passkey": "Added a passkey",
    "staff.allowance": "Set a limit",
    "staff.bind": "Set where somebody works",
    "staff.change_password": "Changed their password",
    "staff.change_role": "Changed a role",
    "staff.create": "Joined",
    "staff.disable": "Switched somebody off",
    "staff.enable": "Switched somebody on again",
    "staff.invite": "Invited somebody",
    "staff.pin_failed": "Typed a wrong PIN",
    "staff.recover": "Was let in again",
    "staff.recovery_code_used": "Used a recovery code",
    "staff.recovery_codes": "Made recovery codes",
    "staff.remove_passkey": "Removed a passkey",
    "staff.rename": "Changed their name",
    "staff.revoke_invite": "Revoked an invitation",
    "staff.revoke_other_sessions": "Signed out everywhere else",
    "staff.revoke_session": "Ended a sign-in",
    "staff.second_factor_failed": "Typed a wrong code",
    "staff.second_factor_on": "Set up the second step",
    "staff.second_factor_reset": "Reset a second step",
    "staff.set_pin": "Set their PIN",
    "staff.sign_in": "Signed in",
    "staff.sign_in_failed": "Failed to sign in",
    "staff.sign_out": "Signed out",
    "staff.wrong_password": "Typed a wrong password",
    "webhooks.amend_endpoint": "Changed an endpoint",
    "webhooks.create_endpoint": "Added an endpoint",
    "webhooks.delete_endpoint": "Deleted an endpoint",
    "webhooks.resend": "Sent an event again",
    "webhooks.resend_range": "Sent a range of events again",
    "webhooks.rotate_secret": "Replaced an endpoint’s secret",
    "webhooks.send_test": "Sent a test event",
}
"""By the name under which an act is kept, exported and filtered."""


def words_of(act: str) -> str:
    """Say an act; one of an older version by its name."""
    return WORDS.get(act, act)


def place_of(line: AuditLine, workspace: Workspace) -> str:
    """Return the words for an act that names no shop or till: in which workspace it was done."""
    if line.is_elsewhere:
        return "In Test" if workspace.is_live else "In Live"
    return "Test and Live" if line.is_of_the_merchant else ""
