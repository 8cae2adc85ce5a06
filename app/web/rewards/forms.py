"""The form of a reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import RadioField, SelectField, StringField, TextAreaField

from app.errors import RegularsError
from app.models.programs import Program
from app.models.rewards import Reward
from app.services.rewards import Terms
from app.web.base_form import DayField, EditForm, MoneyField, WholeNumberField
from app.web.choices import choice

TYPE_CHOICES = [
    choice("free_product", "Item"),
    choice("discount_amount", "Amount off"),
    choice("discount_percent", "Percent off"),
    choice("store_credit", "Store credit"),
    choice("partner", "Partner"),
]

_NUMBER = {"autocomplete": "off", "inputmode": "numeric"}
_MONEY_TYPES = {"discount_amount", "store_credit"}


class RewardForm(EditForm):
    """Define or change a reward."""

    name = StringField(
        "Name",
        description="Staff and members both see this. Two or three words fit best.",
        render_kw={"autocomplete": "off"},
    )
    description = TextAreaField("Description", render_kw={"rows": 2})
    type = RadioField("Type", choices=TYPE_CHOICES, default="free_product")
    points_cost = WholeNumberField("Points cost", render_kw=_NUMBER)
    amount = MoneyField("Worth", description="For an amount off or a credit.")
    percent = WholeNumberField(
        "Percent", required=False, example="50", unit="percent", render_kw=_NUMBER
    )
    stock = WholeNumberField(
        "Stock",
        required=False,
        example="40",
        unit="pieces",
        description="How many are left. Empty means no limit.",
        render_kw=_NUMBER,
    )
    per_member_limit = WholeNumberField(
        "Limit per member",
        required=False,
        example="1",
        unit="numbers",
        description="Empty means no limit.",
        render_kw=_NUMBER,
    )
    starts_at = DayField("Valid from", description="For example 2026-04-01. Empty means now.")
    ends_at = DayField("Valid until", at_end=True, description="The last day. Empty means no end.")
    min_tier = SelectField("For", validate_choice=False)
    counter_key = SelectField("Counter key", validate_choice=False)

    def __init__(
        self, *, program: Program, zone: str, on_keys: Mapping[int, str], **values: Any
    ) -> None:
        # The days are read while the form is made, so their zone must be known before.
        self._zone = zone
        super().__init__(**values)
        self.min_tier.choices = [
            choice("", "Everyone"),
            *(choice(tier["key"], f"{tier['name']} and above") for tier in program.tiers[1:]),
        ]
        self.counter_key.choices = [
            choice("", "None"),
            *(
                choice(
                    str(key), f"{key}, in place of {on_keys[key]}" if key in on_keys else str(key)
                )
                for key in range(1, 10)
            ),
        ]

    def process(self, *args: Any, **more: Any) -> None:
        """Read the fields, days in the merchant's zone."""
        for field in (self.starts_at, self.ends_at):
            field.zone = self._zone
        super().process(*args, **more)

    def refuse(self, error: RegularsError) -> None:
        """Show a refusal; that of the value at the field that this type of reward has for it."""
        if error.param == "value":
            error.param = "percent" if self.type.data == "discount_percent" else "amount"
        super().refuse(error)

    def terms(self) -> Terms:
        """Give the reward as the services take it."""
        kind = self.type.data
        value = self.percent.data if kind == "discount_percent" else None
        key = self.counter_key.data
        return Terms(
            name=self.name.data or "",
            description=self.description.data or "",
            type=kind or "",
            points_cost=self.points_cost.data or 0,
            value=self.amount.data if kind in _MONEY_TYPES else value,
            stock=self.stock.data,
            per_member_limit=self.per_member_limit.data,
            starts_at=self.starts_at.data,
            ends_at=self.ends_at.data,
            min_tier=self.min_tier.data or None,
            counter_key=int(key) if key in {str(each) for each in range(1, 10)} else None,
        )

    def changes(self) -> dict[str, Any]:
        """Give what was changed of the reward, by the attributes of `Terms`."""
        made_of = {"value": ("type", "amount", "percent")}
        return {
            name: value
            for name, value in vars(self.terms()).items()
            if self.has_changed(*made_of.get(name, (name,)))
        }


def values_of(reward: Reward) -> dict[str, Any]:
    """Give a reward's terms as the form's fields take them."""
    is_percent = reward.type == "discount_percent"
    return {
        **{
            name: getattr(reward, name)
            for name in (
                "name",
                "description",
                "type",
                "points_cost",
                "stock",
                "per_member_limit",
                "starts_at",
                "ends_at",
            )
        },
        "amount": None if is_percent else reward.value,
        "percent": reward.value if is_percent else None,
        "min_tier": reward.min_tier or "",
        "counter_key": str(reward.counter_key or ""),
    }
