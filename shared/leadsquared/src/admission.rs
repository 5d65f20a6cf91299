//! Permits: the rate that a request counts against, and the proof that the limits allowed it.
//!
//! All users of an account share its rates, so a request may start only if the code that keeps the limits has agreed.
//! That code belongs to the caller. This crate makes sure that nobody forgets to ask. Every method of the API is a
//! method of [`Admitted`], which needs a [`Permit`] of the right class. The request uses it up.
//!
//! ```compile_fail
//! # async fn call(client: leadsquared::Client, permit: leadsquared::Permit<leadsquared::Standard>) {
//! // A bulk call on a permit of the standard rate.
//! client.with(permit).add_activities(&[]).await;
//! # }
//! ```
//!
//! ```compile_fail
//! # async fn call(client: leadsquared::Client, permit: leadsquared::Permit<leadsquared::Standard>) {
//! let admitted = client.with(permit);
//! admitted.who_am_i().await;
//! // A second call on the same permit.
//! admitted.who_am_i().await;
//! # }
//! ```

use std::{fmt, marker::PhantomData};

use crate::Client;

/// The account's two rates; a request counts against one of them.
///
/// Each request counts once, whatever it holds. It is not documented whether a bulk request also counts as a standard
/// one. Source: LeadSquared rate limits page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallClass {
    /// Any request that the page of limits does not name as bulk: 2 to 25 in 5 s by plan, up to 72 seen.
    Standard,
    /// One of the six requests that the page names: 1 in 5 s; newer pages say 5 or 10. `UpdateV2` counts too: the page
    /// does not name it, but it is of their kind.
    Bulk,
}

/// A class as a type: [`Standard`] or [`Bulk`].
pub trait Class: sealed::Sealed {
    /// The class as a value.
    const CLASS: CallClass;
}

/// [`CallClass::Standard`] as a type.
#[derive(Clone, Copy, Debug)]
pub enum Standard {}

/// [`CallClass::Bulk`] as a type.
#[derive(Clone, Copy, Debug)]
pub enum Bulk {}

impl Class for Standard {
    const CLASS: CallClass = CallClass::Standard;
}

impl Class for Bulk {
    const CLASS: CallClass = CallClass::Bulk;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Standard {}
    impl Sealed for super::Bulk {}
}

/// Permission for one request of one class, now.
#[must_use = "the permit is one call of the account's, whether it is made or not"]
pub struct Permit<C: Class>(PhantomData<C>);

impl<C: Class> Permit<C> {
    /// States that the account's limits have room for one request of this class, and that it was counted there. Only
    /// the code that keeps those limits should state this.
    pub const fn granted() -> Self {
        Self(PhantomData)
    }
}

impl<C: Class> fmt::Debug for Permit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&C::CLASS).finish()
    }
}

/// A client that may make one request of one class: the result of [`Client::with`].
#[derive(Debug)]
#[must_use = "a permit is used up by the call"]
pub struct Admitted<'c, C: Class> {
    pub(crate) client: &'c Client,
    _permit: Permit<C>,
}

impl Client {
    /// The one request that `permit` is for: `client.with(permit).who_am_i()`.
    pub const fn with<C: Class>(&self, permit: Permit<C>) -> Admitted<'_, C> {
        Admitted { client: self, _permit: permit }
    }
}
