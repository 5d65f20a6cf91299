//! A time zone that is known to exist.
//!
//! The tz database is bundled in the binary (jiff's `tzdb-bundle-always`). A Lambda image has no tz database, and a
//! container's may be years old, while Brazil abolished daylight saving in 2019.

use std::fmt;

use jiff::tz::TimeZone;

/// The zone if the configuration names none: Brasília's.
pub const DEFAULT_ZONE: &str = "America/Sao_Paulo";

/// An IANA time zone, such as `America/Manaus`. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// The tz database has no zone of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no time zone has that name")]
pub struct UnknownZone;

impl Zone {
    /// Finds a zone by its IANA name. Names are compared without regard to case, as jiff does.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(name).map_err(|_| UnknownZone)?;
        // "posixrules" and similar zones have no name to return.
        if zone.iana_name().is_some() { Ok(Self(zone)) } else { Err(UnknownZone) }
    }

    /// The zone's name in its usual spelling.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone for calendar arithmetic.
    #[must_use]
    pub fn time_zone(&self) -> &TimeZone {
        &self.0
    }
}

/// [`DEFAULT_ZONE`].
impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::get(DEFAULT_ZONE).unwrap_or(TimeZone::UTC))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_name_and_only_so() {
        assert_eq!(Zone::parse("America/Manaus").unwrap().name(), "America/Manaus");
        assert_eq!(Zone::parse("america/manaus").unwrap().to_string(), "America/Manaus");
        assert_eq!(Zone::parse("America/Brasilia"), Err(UnknownZone));
        assert_eq!(Zone::parse(""), Err(UnknownZone));
        assert_eq!(Zone::default().name(), DEFAULT_ZONE);
    }
}
