//! The part of an address that one client has to itself, so that it cannot be somebody else by using another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What stands for a client: an IPv4 address by itself, an IPv6 address by its first `ipv6_prefix` bits.
///
/// IPv4 addresses that are written as IPv6 are taken out of it: mapped (`::ffff:0:0/96`, RFC 4291 section 2.5.5.2),
/// since a dual-stack socket shows every IPv4 client so, and behind NAT64 (`64:ff9b::/96`, RFC 6052 section 2.1); by a
/// prefix, all of IPv4 would be one client. Whoever has one IPv4 address has a /48 by 6to4 (`2002::/16`, RFC 3056
/// section 2), which is one client whatever the prefix. A prefix above 128 counts as 128.
#[inline]
pub(super) const fn network(ip: IpAddr, ipv6_prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => ipv6_network(ip, ipv6_prefix),
    }
}

const NAT64: u128 = 0x64_ff9b << 96;
const SIX_TO_FOUR: u128 = 0x2002 << 112;

const fn ipv6_network(ip: Ipv6Addr, prefix: u8) -> IpAddr {
    if let Some(ip) = ip.to_ipv4_mapped() {
        return IpAddr::V4(ip);
    }
    let bits = ip.to_bits();
    if bits >> 32 == NAT64 >> 32 {
        return IpAddr::V4(Ipv4Addr::from_bits(bits as u32));
    }
    let prefix = if bits >> 112 == SIX_TO_FOUR >> 112 && prefix > 48 {
        48
    } else {
        prefix
    };
    let mask = match u128::MAX.checked_shl(128_u32.saturating_sub(prefix as u32)) {
        Some(mask) => mask,
        None => 0,
    };
    IpAddr::V6(Ipv6Addr::from_bits(bits & mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        for (ip, prefix, expected) in [
            ("192.0.2.7", 64, "192.0.2.7"),
            ("192.0.2.7", 1, "192.0.2.7"),
            // Mapped addresses: every IPv4 client of a dual-stack socket.
            ("::ffff:192.0.2.7", 64, "192.0.2.7"),
            ("::ffff:192.0.2.8", 1, "192.0.2.8"),
            ("::fffe:c000:207", 64, "::"),
            // NAT64, the well-known prefix only.
            ("64:ff9b::192.0.2.7", 64, "192.0.2.7"),
            ("64:ff9b::1:c000:207", 64, "64:ff9b::"),
            ("64:ff9b:1::192.0.2.7", 64, "64:ff9b:1::"),
            // 6to4: one IPv4 address has a /48.
            ("2002:c000:207:1:2:3:4:5", 64, "2002:c000:207::"),
            ("2002:c000:207:1:2:3:4:5", 128, "2002:c000:207::"),
            ("2002:c000:207:1:2:3:4:5", 32, "2002:c000::"),
            ("2003:c000:207:1:2:3:4:5", 64, "2003:c000:207:1::"),
            // Everything else by its prefix.
            ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", 64, "2001:db8:1:2::"),
            ("2001:db8:1:3::", 64, "2001:db8:1:3::"),
            ("2001:db8:1:2ff:3:4:5:6", 56, "2001:db8:1:200::"),
            ("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6"),
            ("2001:db8:1:2:3:4:5:6", 255, "2001:db8:1:2:3:4:5:6"),
            ("ffff::1", 1, "8000::"),
            ("ffff::1", 0, "::"),
        ] {
            let ip: IpAddr = ip.parse().expect("an address");
            let expected: IpAddr = expected.parse().expect("an address");
            assert_eq!(network(ip, prefix), expected, "{ip}/{prefix}");
        }
    }
}
