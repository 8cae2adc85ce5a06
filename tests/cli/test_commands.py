"""The command line."""

from __future__ import annotations

from flask.testing import FlaskCliRunner
from sqlalchemy import text

from app.db.database import Database
from app.services.api_keys import keys
from app.services.staff import sign_ins
from tests import factories
from tests.cast import Cast


def make_staff(role: str) -> list[str]:
    """Give the words of a command that makes a person of staff."""
    command = "staff create --email ada@example.com --name Ada --password-stdin --role"
    return [*command.split(), role]


def test_verify_counts_and_says_that_all_fits(cast: Cast, cli: FlaskCliRunner) -> None:
    factories.award(cast, factories.enrol(cast), 250)

    answer = cli.invoke(args=["ledger", "verify"])

    assert answer.exit_code == 0
    assert "sandbox: 1 entries of 1 members, 0 rewards: all fit." in answer.output
    assert "live: 0 entries of 0 members, 0 rewards: all fit." in answer.output


def test_verify_names_a_forged_entry_and_fails(cast: Cast, cli: FlaskCliRunner) -> None:
    entry = factories.award(cast, factories.enrol(cast), 250)
    with cast.database.writing() as session:
        for statement in _triggers_off(cast.database):
            session.execute(text(statement))
        session.execute(text("UPDATE ledger_entries SET points = 251"))

    answer = cli.invoke(args=["ledger", "verify"])

    assert answer.exit_code == 1
    assert entry.id in answer.output


def test_staff_are_made_and_can_sign_in(cast: Cast, cli: FlaskCliRunner) -> None:
    answer = cli.invoke(
        args=make_staff("cashier"),
        input="a long enough password\n",
    )

    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("stf_")


def test_a_short_password_is_refused_in_words(cast: Cast, cli: FlaskCliRunner) -> None:
    answer = cli.invoke(
        args=make_staff("cashier"),
        input="short\n",
    )

    assert answer.exit_code == 1
    assert "A password has 12 to 128 characters." in answer.output


def test_with_two_merchants_one_must_be_named(cast: Cast, cli: FlaskCliRunner) -> None:
    assert cli.invoke(args=["merchants", "create", "--name", "Second"]).output.startswith("mer_")

    answer = cli.invoke(
        args=make_staff("owner"),
        input="a long enough password\n",
    )

    assert answer.exit_code == 1
    assert "--merchant" in answer.output


def test_models_and_migrations_agree(cli: FlaskCliRunner) -> None:
    assert cli.invoke(args=["db", "check"]).output == "Models and migrations agree.\n"


def test_an_upgrade_twice_is_no_harm(cli: FlaskCliRunner) -> None:
    for _ in range(2):
        assert cli.invoke(args=["db", "upgrade"]).exit_code == 0


def _triggers_off(database: Database) -> list[str]:
    if database.is_sqlite:
        return ["DROP TRIGGER ledger_entries_refuse_update"]
    return ["ALTER TABLE ledger_entries DISABLE TRIGGER USER"]


def test_a_key_is_printed_alone_and_is_good(cast: Cast, cli: FlaskCliRunner) -> None:
    words = ["keys", "create", "--workspace", "live", "--name", "Till server"]

    whole = cli.invoke(args=words)
    restricted = cli.invoke(args=[*words, "--scope", "points:write", "--scope", "events:read"])

    for answer, prefix in ((whole, "sk_live_"), (restricted, "rk_live_")):
        assert answer.exit_code == 0, answer.output
        secret = answer.output.strip()
        assert secret.startswith(prefix)
        found = keys.find(cast.database, secret=secret)
        assert found is not None
        assert found.workspace.id == cast.live_workspace_id


def test_an_unknown_scope_is_refused_in_words(cast: Cast, cli: FlaskCliRunner) -> None:
    words = ["keys", "create", "--workspace", "sandbox", "--name", "Till", "--scope", "points"]

    answer = cli.invoke(args=words)

    assert answer.exit_code == 1
    assert "There is no scope points." in answer.output


def test_who_is_locked_out_is_let_in_again(cast: Cast, cli: FlaskCliRunner) -> None:
    factories.set_up_app(cast, "owner")
    words = ["staff", "recover", "--email", "owner@harbour.example.com", "--password-stdin"]

    refused = cli.invoke(args=words, input="short\n")
    assert refused.exit_code == 1
    assert "12 to 128 characters" in refused.output
    done = cli.invoke(args=words, input="plum tractor lamp seven\n")

    assert done.exit_code == 0, done.output
    with cast.database.writing() as session:
        found = sign_ins.sign_in(
            session,
            email="owner@harbour.example.com",
            password="plum tractor lamp seven",
            address="::1",
            mode="sandbox",
            hours=1,
        )
    assert found is not None
    # Who may reset a password has not shown the second factor.
    assert found.staff.has_second_factor
    lost = cli.invoke(args=[*words, "--without-second-step"], input="plum tractor lamp seven\n")
    assert "Set up the second step again." in lost.output
    with cast.database.reading() as session:
        person = sign_ins.find_by_email(session, "owner@harbour.example.com")
        assert person is not None
        assert not person.has_second_factor
        assert sign_ins.find_session(session, token=found.token) is None
    nobody = cli.invoke(
        args=["staff", "recover", "--email", "no@example.com", "--password-stdin"], input="x\n"
    )
    assert "Nobody signs in with this email." in nobody.output
