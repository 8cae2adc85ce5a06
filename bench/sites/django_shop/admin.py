"""The lists of Django's admin, as its documentation sets them up."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.paginator import Paginator

from bench.sites.django_shop.models import LedgerEntry, Member, Redemption


class UncountedPaginator(Paginator):
    """Pages without counting rows: the widespread remedy for large tables."""

    count = sys.maxsize


class _Admin(admin.ModelAdmin):
    """A table's pages, of one workspace, so that the indexes serve them."""

    list_per_page = settings.SHOP.page_rows
    show_full_result_count = settings.SHOP.counts
    paginator = Paginator if settings.SHOP.counts else UncountedPaginator

    def get_queryset(self, request: Any) -> Any:
        """Give the statement of a list."""
        return super().get_queryset(request).filter(workspace_id=settings.SHOP.workspace_id)


@admin.register(Member)
class MemberAdmin(_Admin):
    """Members."""

    list_display = (
        *("customer__name", "customer__email", "customer__phone"),
        *("balance", "tier", "last_seen_at"),
    )
    list_select_related = ("customer",)
    search_fields = (
        *("customer__name", "customer__email", "customer__phone", "customer__card_number"),
    )
    ordering = ("-last_seen_at", "-id")
    readonly_fields = ("customer",)


@admin.register(Redemption)
class RedemptionAdmin(_Admin):
    """Redemptions."""

    list_display = (
        *("created_at", "code", "reward__name", "member__customer__name"),
        *("points_spent", "status"),
    )
    list_select_related = ("reward", "member__customer")
    search_fields = ("code",)
    ordering = ("-id",)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(_Admin):
    """Ledger entries."""

    list_per_page = settings.SHOP.activity_rows
    list_display = ("recorded_at", "member__customer__name", "kind", "points", "reason")
    list_select_related = ("member__customer",)
    ordering = ("-recorded_at", "-id")
