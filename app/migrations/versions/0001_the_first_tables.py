"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db.base
from app.models.columns import json_column_type
from app.models.ledger import (
    POSTGRESQL_TRIGGERS,
    SQLITE_TRIGGERS,
    postgresql_function,
    sqlite_update_trigger,
)

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the triggers that make the ledger append-only."""
    op.create_table('merchants',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('time_zone', sa.String(length=64), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_merchants'))
    )
    op.create_table('sign_in_throttles',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('failure_count', sa.Integer(), nullable=False),
    sa.Column('window_started_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_sign_in_throttles'))
    )
    op.create_table('staff',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('merchant_id', sa.String(length=64), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('email_key', sa.String(length=254), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('password_hash', sa.String(length=255), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("role IN ('owner', 'manager', 'cashier', 'viewer')", name=op.f('ck_staff_role')),
    sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f('ck_staff_status')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_staff_merchant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff'))
    )
    with op.batch_alter_table('staff', schema=None) as batch_op:
        batch_op.create_index('uq_staff_email_key', ['email_key'], unique=True)

    op.create_table('workspaces',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('merchant_id', sa.String(length=64), nullable=False),
    sa.Column('mode', sa.String(length=16), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("mode IN ('sandbox', 'live')", name=op.f('ck_workspaces_mode')),
    sa.ForeignKeyConstraint(['merchant_id'], ['merchants.id'], name=op.f('fk_workspaces_merchant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workspaces')),
    sa.UniqueConstraint('merchant_id', 'mode', name=op.f('uq_workspaces_merchant_id_mode'))
    )
    op.create_table('audit_entries',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('act', sa.String(length=60), nullable=False),
    sa.Column('actor_kind', sa.String(length=16), nullable=False),
    sa.Column('actor_id', sa.String(length=64), nullable=True),
    sa.Column('location_id', sa.String(length=64), nullable=True),
    sa.Column('member_id', sa.String(length=64), nullable=True),
    sa.Column('subject_id', sa.String(length=255), nullable=True),
    sa.Column('before', json_column_type(), nullable=True),
    sa.Column('after', json_column_type(), nullable=True),
    sa.Column('request_id', sa.String(length=64), nullable=True),
    sa.Column('recorded_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_audit_entries_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_audit_entries'))
    )
    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.create_index('ix_audit_entries_member', ['workspace_id', 'member_id', 'id'], unique=False)

    op.create_table('customers',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=255), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('phone', sa.String(length=40), nullable=False),
    sa.Column('card_number', sa.String(length=64), nullable=False),
    sa.Column('email_key', sa.String(length=254), nullable=False),
    sa.Column('phone_digits', sa.String(length=40), nullable=False),
    sa.Column('card_key', sa.String(length=64), nullable=False),
    sa.Column('search_text', sa.Text(), nullable=False),
    sa.Column('metadata', json_column_type(), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_customers_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_customers'))
    )
    with op.batch_alter_table('customers', schema=None) as batch_op:
        batch_op.create_index('ix_customers_card_key', ['workspace_id', 'card_key'], unique=False)
        batch_op.create_index('ix_customers_email_key', ['workspace_id', 'email_key'], unique=False)
        batch_op.create_index('ix_customers_phone_digits', ['workspace_id', 'phone_digits'], unique=False)

    op.create_table('events',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('type', sa.String(length=60), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('member_id', sa.String(length=64), nullable=True),
    sa.Column('entry_id', sa.String(length=64), nullable=True),
    sa.Column('data', json_column_type(), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_events_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_events'))
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_member', ['workspace_id', 'member_id', 'id'], unique=False)

    op.create_table('idempotency_keys',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('scope', sa.String(length=16), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('result_id', sa.String(length=64), nullable=True),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_idempotency_keys_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'scope', 'key', name=op.f('pk_idempotency_keys'))
    )
    op.create_table('locations',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_locations_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_locations'))
    )
    op.create_table('programs',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('currency_name', sa.String(length=40), nullable=False),
    sa.Column('time_zone', sa.String(length=64), nullable=False),
    sa.Column('point_value_thousandths', sa.BigInteger(), nullable=False),
    sa.Column('earn_points_per_unit', sa.BigInteger(), nullable=False),
    sa.Column('tiers', json_column_type(), nullable=False),
    sa.Column('metadata', json_column_type(), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint('earn_points_per_unit >= 0', name=op.f('ck_programs_earn_rate')),
    sa.CheckConstraint('point_value_thousandths >= 0', name=op.f('ck_programs_point_value')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_programs_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_programs'))
    )
    op.create_table('staff_sessions',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('staff_id', sa.String(length=64), nullable=False),
    sa.Column('mode', sa.String(length=16), nullable=False),
    sa.Column('location_id', sa.String(length=64), nullable=True),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', app.db.base.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['staff_id'], ['staff.id'], name=op.f('fk_staff_sessions_staff_id')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_staff_sessions'))
    )
    with op.batch_alter_table('staff_sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_staff_sessions_staff_id'), ['staff_id'], unique=False)

    op.create_table('members',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('program_id', sa.String(length=64), nullable=False),
    sa.Column('customer_id', sa.String(length=255), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('balance', sa.BigInteger(), nullable=False),
    sa.Column('lifetime_points', sa.BigInteger(), nullable=False),
    sa.Column('qualifying_points', sa.BigInteger(), nullable=False),
    sa.Column('tier', sa.String(length=40), nullable=True),
    sa.Column('entry_count', sa.Integer(), nullable=False),
    sa.Column('head_hash', sa.String(length=64), nullable=False),
    sa.Column('last_entry_at', app.db.base.UtcDateTime(timezone=True), nullable=True),
    sa.Column('last_seen_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.Column('metadata', json_column_type(), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("status IN ('active', 'closed')", name=op.f('ck_members_status')),
    sa.CheckConstraint('entry_count >= 0', name=op.f('ck_members_entry_count')),
    sa.CheckConstraint('lifetime_points >= 0', name=op.f('ck_members_lifetime_points')),
    sa.ForeignKeyConstraint(['workspace_id', 'customer_id'], ['customers.workspace_id', 'customers.id'], name=op.f('fk_members_workspace_id_customer_id')),
    sa.ForeignKeyConstraint(['workspace_id', 'program_id'], ['programs.workspace_id', 'programs.id'], name=op.f('fk_members_workspace_id_program_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_members_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_members')),
    sa.UniqueConstraint('workspace_id', 'program_id', 'customer_id', name=op.f('uq_members_workspace_id_program_id_customer_id'))
    )
    with op.batch_alter_table('members', schema=None) as batch_op:
        batch_op.create_index('ix_members_balance', ['workspace_id', 'balance'], unique=False)
        batch_op.create_index('ix_members_customer_id', ['workspace_id', 'customer_id'], unique=False)
        batch_op.create_index('ix_members_last_seen', ['workspace_id', 'last_seen_at', 'id'], unique=False)

    op.create_table('rewards',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('program_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('description', sa.String(length=500), nullable=False),
    sa.Column('type', sa.String(length=24), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=True),
    sa.Column('points_cost', sa.BigInteger(), nullable=False),
    sa.Column('stock_supplied', sa.BigInteger(), nullable=True),
    sa.Column('stock_taken', sa.BigInteger(), nullable=False),
    sa.Column('per_member_limit', sa.Integer(), nullable=True),
    sa.Column('starts_at', app.db.base.UtcDateTime(timezone=True), nullable=True),
    sa.Column('ends_at', app.db.base.UtcDateTime(timezone=True), nullable=True),
    sa.Column('min_tier', sa.String(length=40), nullable=True),
    sa.Column('counter_key', sa.Integer(), nullable=True),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('metadata', json_column_type(), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("status IN ('active', 'archived')", name=op.f('ck_rewards_status')),
    sa.CheckConstraint("type IN ('free_product', 'discount_amount', 'discount_percent', 'store_credit', 'partner')", name=op.f('ck_rewards_type')),
    sa.CheckConstraint('counter_key IS NULL OR counter_key BETWEEN 1 AND 9', name=op.f('ck_rewards_counter_key')),
    sa.CheckConstraint('per_member_limit IS NULL OR per_member_limit > 0', name=op.f('ck_rewards_member_limit')),
    sa.CheckConstraint('points_cost >= 0', name=op.f('ck_rewards_points_cost')),
    sa.CheckConstraint('stock_supplied IS NULL OR (stock_taken >= 0 AND stock_taken <= stock_supplied)', name=op.f('ck_rewards_stock')),
    sa.ForeignKeyConstraint(['workspace_id', 'program_id'], ['programs.workspace_id', 'programs.id'], name=op.f('fk_rewards_workspace_id_program_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_rewards_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_rewards'))
    )
    with op.batch_alter_table('rewards', schema=None) as batch_op:
        batch_op.create_index('uq_rewards_counter_key', ['workspace_id', 'program_id', 'counter_key'], unique=True)

    op.create_table('redemptions',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('member_id', sa.String(length=64), nullable=False),
    sa.Column('reward_id', sa.String(length=64), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('points_spent', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.String(length=12), nullable=False),
    sa.Column('metadata', json_column_type(), nullable=False),
    sa.Column('created_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.Column('fulfilled_at', app.db.base.UtcDateTime(timezone=True), nullable=True),
    sa.Column('cancelled_at', app.db.base.UtcDateTime(timezone=True), nullable=True),
    sa.Column('created_by', sa.String(length=64), nullable=True),
    sa.CheckConstraint("status IN ('confirmed', 'fulfilled', 'cancelled')", name=op.f('ck_redemptions_status')),
    sa.CheckConstraint('points_spent >= 0', name=op.f('ck_redemptions_points_spent')),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['members.workspace_id', 'members.id'], name=op.f('fk_redemptions_workspace_id_member_id')),
    sa.ForeignKeyConstraint(['workspace_id', 'reward_id'], ['rewards.workspace_id', 'rewards.id'], name=op.f('fk_redemptions_workspace_id_reward_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_redemptions_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_redemptions')),
    sa.UniqueConstraint('workspace_id', 'code', name=op.f('uq_redemptions_workspace_id_code'))
    )
    with op.batch_alter_table('redemptions', schema=None) as batch_op:
        batch_op.create_index('ix_redemptions_member', ['workspace_id', 'member_id', 'reward_id'], unique=False)
        batch_op.create_index('ix_redemptions_reward', ['workspace_id', 'reward_id', 'status'], unique=False)
        batch_op.create_index('ix_redemptions_status', ['workspace_id', 'status', 'id'], unique=False)

    op.create_table('ledger_entries',
    sa.Column('workspace_id', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('member_id', sa.String(length=64), nullable=False),
    sa.Column('seq', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.Column('balance_after', sa.BigInteger(), nullable=False),
    sa.Column('lifetime_after', sa.BigInteger(), nullable=False),
    sa.Column('qualifying_after', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.Column('note', sa.String(length=500), nullable=True),
    sa.Column('metadata', json_column_type(), nullable=True),
    sa.Column('salt', sa.String(length=64), nullable=True),
    sa.Column('text_digest', sa.String(length=64), nullable=False),
    sa.Column('actor_kind', sa.String(length=16), nullable=False),
    sa.Column('actor_id', sa.String(length=64), nullable=True),
    sa.Column('location_id', sa.String(length=64), nullable=True),
    sa.Column('recorded_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.Column('occurred_at', app.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.Column('reverses_id', sa.String(length=64), nullable=True),
    sa.Column('redemption_id', sa.String(length=64), nullable=True),
    sa.Column('source_type', sa.String(length=40), nullable=True),
    sa.Column('source_id', sa.String(length=255), nullable=True),
    sa.Column('source_rule', sa.String(length=40), nullable=True),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name=op.f('ck_ledger_entries_reverses')),
    sa.CheckConstraint("(kind IN ('redemption', 'cancellation')) = (redemption_id IS NOT NULL)", name=op.f('ck_ledger_entries_redemption')),
    sa.CheckConstraint("CASE kind WHEN 'award' THEN points > 0 WHEN 'reversal' THEN points < 0 WHEN 'redemption' THEN points <= 0 WHEN 'cancellation' THEN points >= 0 ELSE points <> 0 END", name=op.f('ck_ledger_entries_sign')),
    sa.CheckConstraint("kind <> 'redemption' OR balance_after >= 0", name=op.f('ck_ledger_entries_redemption_covered')),
    sa.CheckConstraint("kind IN ('award', 'redemption', 'reversal', 'cancellation', 'adjustment')", name=op.f('ck_ledger_entries_kind')),
    sa.CheckConstraint('seq > 0', name=op.f('ck_ledger_entries_seq')),
    sa.ForeignKeyConstraint(['workspace_id', 'member_id'], ['members.workspace_id', 'members.id'], name=op.f('fk_ledger_entries_workspace_id_member_id')),
    sa.ForeignKeyConstraint(['workspace_id', 'redemption_id'], ['redemptions.workspace_id', 'redemptions.id'], name=op.f('fk_ledger_entries_workspace_id_redemption_id')),
    sa.ForeignKeyConstraint(['workspace_id', 'reverses_id'], ['ledger_entries.workspace_id', 'ledger_entries.id'], name=op.f('fk_ledger_entries_workspace_id_reverses_id')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_ledger_entries_workspace_id')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_ledger_entries')),
    sa.UniqueConstraint('workspace_id', 'member_id', 'seq', name=op.f('uq_ledger_entries_workspace_id_member_id_seq')),
    sa.UniqueConstraint('workspace_id', 'source_type', 'source_id', 'source_rule', name=op.f('uq_ledger_entries_source'))
    )
    with op.batch_alter_table('ledger_entries', schema=None) as batch_op:
        batch_op.create_index('ix_ledger_entries_recorded', ['workspace_id', 'recorded_at', 'id'], unique=False)
        batch_op.create_index('ix_ledger_entries_redemption', ['workspace_id', 'redemption_id'], unique=False)
        batch_op.create_index('ix_ledger_entries_reverses', ['workspace_id', 'reverses_id'], unique=False)
    columns = [each["name"] for each in sa.inspect(op.get_bind()).get_columns("ledger_entries")]
    if op.get_bind().dialect.name == "sqlite":
        triggers = (sqlite_update_trigger(columns), *SQLITE_TRIGGERS)
    else:
        triggers = (postgresql_function(columns), *POSTGRESQL_TRIGGERS)
    for statement in triggers:
        op.execute(sa.text(statement))
