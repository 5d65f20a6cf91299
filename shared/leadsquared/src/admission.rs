//! Leave to call: which of the account's rates a call counts against, and the proof that it was asked for.
//!
//! All users of an account share its rates, so a call may start only when whoever keeps them has agreed. That keeper
//! is the caller's; what this crate sees to is that nobody forgets to ask: every method of the API is one of
//! [`Admitted`], which is made from a [`Permit`] of the right class and used up by the call.
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

/// Which of the account's two rates a call counts against.
///
/// Each call counts once, whatever is in it; whether a bulk call also counts as a standard one is not documented.
/// Source: LeadSquared rate limits page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallClass {
    /// Any call that the page of limits does not name as bulk: 2 to 25 in 5 s by plan, up to 72 seen.
    Standard,
    /// One of the six that it names, or `UpdateV2`, which it does not name but which is of their kind: 1 in 5 s; newer
    /// pages say 5 or 10.
    Bulk,
}

/// A class as a type: [`Standard`] or [`Bulk`].
pub trait Class: sealed::Sealed {
    /// The same as a value.
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

/// Leave to make one call of one class, now.
#[must_use = "the permit is one call of the account's, whether it is made or not"]
pub struct Permit<C: Class>(PhantomData<C>);

impl<C: Class> Permit<C> {
    /// Says that the account's limits have room for one call of this class, and that it was counted there. Only the
    /// code that keeps those limits should say so.
    pub const fn granted() -> Self {
        Self(PhantomData)
    }
}

impl<C: Class> fmt::Debug for Permit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&C::CLASS).finish()
    }
}

/// A client that may make one call of one class: what [`Client::with`] returns.
#[derive(Debug)]
#[must_use = "a permit is used up by the call"]
pub struct Admitted<'c, C: Class> {
    pub(crate) client: &'c Client,
    _permit: Permit<C>,
}

impl Client {
    /// The one call that `permit` is for: `client.with(permit).who_am_i()`.
    pub const fn with<C: Class>(&self, permit: Permit<C>) -> Admitted<'_, C> {
        Admitted { client: self, _permit: permit }
    }
}
