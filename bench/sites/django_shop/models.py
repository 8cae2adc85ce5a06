"""The tables of Regulars as Django sees them.

Django's admin takes no table whose key has two columns, so the id alone is named as the key. The
relations have both columns: joins then use the same indexes as those of Regulars. They may be
empty, so that Django writes outer joins: with inner ones, SQLite reads and sorts whole tables for a
page.
"""

from __future__ import annotations

from typing import Any

from django.db import models


def _relation(model: type[models.Model], column: str) -> Any:
    return models.ForeignObject(
        model,
        on_delete=models.DO_NOTHING,
        from_fields=("workspace_id", column),
        to_fields=("workspace_id", "id"),
        related_name="+",
        null=True,
    )


class Customer(models.Model):
    """A person."""

    workspace_id = models.CharField(max_length=40)
    id = models.CharField(primary_key=True, max_length=120)
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=254)
    phone = models.CharField(max_length=40)
    card_number = models.CharField(max_length=64)

    class Meta:
        """Where it is."""

        managed = False
        db_table = "customers"
        unique_together = (("workspace_id", "id"),)

    def __str__(self) -> str:
        return str(self.name)


class Member(models.Model):
    """A customer in a program."""

    workspace_id = models.CharField(max_length=40)
    id = models.CharField(primary_key=True, max_length=40)
    customer_id = models.CharField(max_length=120)
    status = models.CharField(max_length=16)
    balance = models.BigIntegerField()
    lifetime_points = models.BigIntegerField()
    qualifying_points = models.BigIntegerField()
    tier = models.CharField(max_length=40, null=True, blank=True)
    entry_count = models.IntegerField()
    last_seen_at = models.DateTimeField()
    last_visit_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    customer = _relation(Customer, "customer_id")

    class Meta:
        """Where it is."""

        managed = False
        db_table = "members"
        unique_together = (("workspace_id", "id"),)

    def __str__(self) -> str:
        return str(self.id)


class Reward(models.Model):
    """What points buy."""

    workspace_id = models.CharField(max_length=40)
    id = models.CharField(primary_key=True, max_length=40)
    name = models.CharField(max_length=80)

    class Meta:
        """Where it is."""

        managed = False
        db_table = "rewards"
        unique_together = (("workspace_id", "id"),)

    def __str__(self) -> str:
        return str(self.name)


class Redemption(models.Model):
    """One purchase of a reward."""

    workspace_id = models.CharField(max_length=40)
    id = models.CharField(primary_key=True, max_length=40)
    member_id = models.CharField(max_length=40)
    reward_id = models.CharField(max_length=40)
    status = models.CharField(max_length=16)
    points_spent = models.BigIntegerField()
    code = models.CharField(max_length=12)
    created_at = models.DateTimeField()
    member = _relation(Member, "member_id")
    reward = _relation(Reward, "reward_id")

    class Meta:
        """Where it is."""

        managed = False
        db_table = "redemptions"

    def __str__(self) -> str:
        return str(self.code)


class LedgerEntry(models.Model):
    """One line of a member's ledger."""

    workspace_id = models.CharField(max_length=40)
    id = models.CharField(primary_key=True, max_length=40)
    member_id = models.CharField(max_length=40)
    kind = models.CharField(max_length=16)
    points = models.BigIntegerField()
    reason = models.CharField(max_length=500, null=True, blank=True)
    recorded_at = models.DateTimeField()
    member = _relation(Member, "member_id")

    class Meta:
        """Where it is."""

        managed = False
        db_table = "ledger_entries"
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return str(self.id)
