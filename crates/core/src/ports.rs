//! What the rules need from outside, in the rules' own types.
//!
//! Each method says what is durable when it returns, and what an error leaves open.

mod clock;
mod platform;
mod queue;
mod registrar;
mod store;
mod vault;

pub use clock::{Clock, Randomness};
pub use platform::{ExchangeError, MeError, Platform, Received, RefreshError, RefreshRefusal};
pub use queue::{LONGEST_DELAY, Pointer, Queue, QueueError, Rescued};
pub use registrar::{NotPrepared, Registrar, Submission};
pub use store::{
    Change, Claimed, DuePointer, Filter, IdentityClaim, IdentityKey, LiveChain, Pace, Page, ReadError, Rejected, Store,
    StoreError, Summary, WriteError,
};
pub use vault::{DataKey, OpenError, Place, SealError, Sealed, Vault, VaultError};
