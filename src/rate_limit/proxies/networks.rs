//! The networks that proxies are in.

use std::{error, fmt, net::IpAddr, sync::Arc};

use ipnet::IpNet;

/// Networks in the form that addresses are compared in: none of them is mapped into IPv6.
#[derive(Clone, Debug)]
pub(super) struct Networks(Arc<[IpNet]>);

impl Networks {
    pub(super) fn parse<I>(networks: I) -> Result<Self, InvalidNetwork>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let networks = networks.into_iter().map(|text| {
            let text = text.as_ref();
            parse(text.trim()).map_err(|problem| InvalidNetwork {
                text: text.into(),
                problem,
            })
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether an address that is not mapped is in one of them.
    pub(super) fn contain(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip))
    }
}

/// A text that is no network: see [`TrustedProxies::networks`](super::TrustedProxies::networks).
///
/// It shows the text, which is configuration and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNetwork {
    text: Box<str>,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Address,
    Prefix { longest: u8 },
    HostBits { network: IpNet },
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no network: ", self.text)?;
        match &self.problem {
            Problem::Address => f.write_str(
                "what is needed is an IP address, or one with a prefix length as in 10.0.0.0/8",
            ),
            Problem::Prefix { longest } => {
                write!(f, "the prefix length is a number from 0 to {longest}")
            }
            Problem::HostBits { network } => {
                write!(f, "bits are set beyond its prefix; do you mean {network}?")
            }
        }
    }
}

impl error::Error for InvalidNetwork {}

fn parse(text: &str) -> Result<IpNet, Problem> {
    let (ip, prefix) = match text.split_once('/') {
        Some((ip, prefix)) => (ip, Some(prefix)),
        None => (text, None),
    };
    let ip: IpAddr = ip.parse().map_err(|_| Problem::Address)?;
    let Some(prefix) = prefix else {
        return Ok(IpNet::from(ip.to_canonical()));
    };
    let longest = IpNet::from(ip).max_prefix_len();
    let network = Some(prefix)
        .filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|prefix| prefix.parse().ok())
        .and_then(|prefix| IpNet::new(ip, prefix).ok())
        .ok_or(Problem::Prefix { longest })?;
    if network.trunc() != network {
        return Err(Problem::HostBits {
            network: network.trunc(),
        });
    }
    Ok(unmapped(network))
}

/// Takes an IPv4 network out of IPv6, as addresses are.
fn unmapped(network: IpNet) -> IpNet {
    let prefix = network.prefix_len().checked_sub(96);
    match (network, network.addr().to_canonical(), prefix) {
        (IpNet::V6(_), ip @ IpAddr::V4(_), Some(prefix)) => {
            IpNet::new(ip, prefix).unwrap_or(network)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            (" 10.0.0.0/8\n", "10.0.0.0", "9.255.255.255"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::", "192.0.2.7"),
            // Mapped into IPv6.
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("::ffff:0:0/96", "192.0.2.7", "::1"),
        ] {
            let networks = Networks::parse([network]).expect("a network");
            let ip = |text: &str| text.parse().expect("an address");
            assert!(networks.contain(ip(inside)), "{network} {inside}");
            assert!(!networks.contain(ip(outside)), "{network} {outside}");
        }
    }
}
