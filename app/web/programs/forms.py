"""The form of a program."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from wtforms import FieldList, Form, FormField, HiddenField, SelectField, StringField

from app.errors import RegularsError
from app.http.actors import signed_in
from app.models.programs import Program
from app.rules import money
from app.rules.earning import WHOLE_MULTIPLIER
from app.rules.tiers import Tier
from app.services.programs import MULTIPLIER_MAX_HUNDREDTHS, TIERS_MAX, Rules
from app.web.base_form import EditForm, WholeNumberField
from app.web.choices import choice

TIER_ROWS = 5
"""As many tiers as most can explain at a counter; a program that has more shows them all."""

_NUMBER = {"autocomplete": "off", "inputmode": "numeric"}


class CentsField(StringField):
    """What a point is worth, in minor units with up to three decimals; `data` in thousandths."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{Decimal(self.data) / 1000:f}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed."""
        self.data = None
        try:
            thousandths = Decimal(str(valuelist[0]).strip().replace(",", ".")) * 1000
        except (ArithmeticError, IndexError):
            raise ValueError("Enter a number, for example 0.8.") from None
        if (
            not thousandths.is_finite()
            or not 0 <= thousandths <= 10**8
            or thousandths != int(thousandths)
        ):
            raise ValueError("Enter a number with at most three decimals, for example 0.8.")
        self.data = int(thousandths)


class MultiplierField(StringField):
    """How much a tier's members earn, such as 1.5; `data` is in hundredths."""

    data: Any

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{Decimal(self.data) / 100:f}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed; nothing means once."""
        self.data = WHOLE_MULTIPLIER
        typed = str(valuelist[0] if valuelist else "").strip().lstrip("×x").replace(",", ".")
        if not typed.strip():
            return
        try:
            hundredths = Decimal(typed.strip()) * 100
        except ArithmeticError:
            raise ValueError("Enter how many times, for example 1.5.") from None
        is_small = hundredths.is_finite() and 0 <= hundredths <= MULTIPLIER_MAX_HUNDREDTHS
        if not is_small or hundredths != int(hundredths):
            raise ValueError("Enter 0 to 100 with at most two decimals, for example 1.5.")
        self.data = int(hundredths)


class TierForm(Form):
    """One tier; an empty name is no tier."""

    key = HiddenField()
    name = StringField("Name", render_kw={"autocomplete": "off"})
    threshold = WholeNumberField("From points", required=False, render_kw=_NUMBER)
    multiplier_hundredths = MultiplierField(
        "Earns, times", render_kw={"autocomplete": "off", "inputmode": "decimal"}
    )


class ProgramForm(EditForm):
    """Define or change a program."""

    name = StringField("Program name", render_kw={"autocomplete": "off"})
    currency_name = StringField(
        "What points are called", default="points", render_kw={"autocomplete": "off"}
    )
    earn_points_per_unit = WholeNumberField(
        "Points for every unit spent", example="10", render_kw=_NUMBER
    )
    earn_rounding = SelectField(
        "Part points are",
        choices=[
            choice("down", "dropped"),
            choice("nearest", "rounded to the nearest"),
            choice("up", "rounded up"),
        ],
        default="down",
    )
    point_value_thousandths = CentsField(
        "A point is worth", description="For what is owed in treats, for example 0.8."
    )
    tiers = FieldList(FormField(TierForm), min_entries=TIER_ROWS, max_entries=TIERS_MAX)

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        currency = signed_in().merchant.currency
        digits = money.digits(currency)
        parts = {0: currency, 2: "cents"}.get(digits, f"{10**digits:,}ths of {currency}")
        self.point_value_thousandths.label.text = f"A point is worth, in {parts}"

    def rules(self, *, time_zone: str) -> Rules:
        """Give the program as the services take it."""
        return Rules(
            name=self.name.data or "",
            currency_name=self.currency_name.data or "",
            time_zone=time_zone,
            point_value_thousandths=self.point_value_thousandths.data or 0,
            earn_points_per_unit=self.earn_points_per_unit.data or 0,
            earn_rounding=self.earn_rounding.data or "down",
            tiers=self.typed_tiers(),
        )

    def changes(self) -> dict[str, Any]:
        """Give what was changed of the program, by the attributes of `Rules`."""
        known = vars(self.rules(time_zone=""))
        return {
            name: value for name, value in known.items() if name in self and self.has_changed(name)
        }

    def validate(self, extra_validators: Any = None) -> bool:
        """Judge the form; points of a new tier without a name would be lost without a word.

        Who empties the name of a tier that is there takes it away.
        """
        is_good = super().validate(extra_validators)
        for row in self.tiers:
            is_new, is_named = not row.form.key.data, (row.form.name.data or "").strip()
            if is_new and not is_named and row.form.threshold.data is not None:
                self.add_error(row.form.name, "Name this tier, or empty its points.")
                is_good = False
        return is_good

    def refuse(self, error: RegularsError) -> None:
        """Show a refusal; that of the tiers, which are many fields, above the form."""
        if error.param == "tiers":
            error.param = None
        super().refuse(error)

    def typed_tiers(self) -> list[Tier]:
        """Give the tiers whose name is filled in."""
        return [
            {
                "key": row.form.key.data or "",
                "name": row.form.name.data or "",
                "threshold": row.form.threshold.data or 0,
                "multiplier_hundredths": _or_once(row.form.multiplier_hundredths.data),
            }
            for row in self.tiers
            if (row.form.name.data or "").strip()
        ]


def values_of(program: Program) -> dict[str, Any]:
    """Give a program's rules as the form's fields take them."""
    rows: list[dict[str, Any]] = [dict(tier) for tier in program.tiers]
    room = max(TIER_ROWS - len(rows), min(1, TIERS_MAX - len(rows)))
    names = (
        "name",
        "currency_name",
        "earn_points_per_unit",
        "earn_rounding",
        "point_value_thousandths",
    )
    return {
        **{name: getattr(program, name) for name in names},
        "tiers": rows + [{"key": "", "name": "", "threshold": None}] * room,
    }


def _or_once(multiplier_hundredths: int | None) -> int:
    return WHOLE_MULTIPLIER if multiplier_hundredths is None else multiplier_hundredths
