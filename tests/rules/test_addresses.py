"""Only the public internet is public."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.addresses import is_public

PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "198.17.255.255", "198.20.0.0", "223.255.255.255")
PUBLIC_6 = ("2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "::ffff:8.8.8.8")
NAT64_OF_PUBLIC = "64:ff9b::808:808"

NOT_PUBLIC = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1"),  # noqa: S104 - judged
    *("127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1", "172.31.255.255"),
    *("192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1"),
    *("198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255", "192.31.196.1", "192.52.193.1", "192.175.48.1"),
)
NOT_PUBLIC_6 = (
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:2::1"),
    *("2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:0a00:0001::", "3fff::1"),
    *("5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
    *("ff0e::1", "4000::1", "2620:4f:8000::1"),
)


@pytest.mark.parametrize("address", [*PUBLIC, *PUBLIC_6, NAT64_OF_PUBLIC])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*NOT_PUBLIC, *NOT_PUBLIC_6])
def test_a_road_to_this_machine_or_its_network_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "2130706433", "0x7f.1", "1.2.3.4.5"])
def test_what_is_no_plain_address_is_not(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_calls_private(address: object) -> None:
    parsed = ip_address(str(address))
    if parsed.is_private or parsed.is_loopback or parsed.is_link_local or parsed.is_multicast:
        assert not is_public(str(address)) or getattr(parsed, "ipv4_mapped", None)


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_judged_as_what_it_leads_to(address: object) -> None:
    number = int(ip_address(str(address)))
    wrapped = [f"::ffff:{address}", str(ip_address((0x0064FF9B << 96) + number))]

    assert {is_public(each) for each in wrapped} == {is_public(str(address))}
