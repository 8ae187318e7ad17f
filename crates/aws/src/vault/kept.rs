//! Data keys that were opened before: the values of applications and channels are opened again and again.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::aead::RandomizedNonceKey;
use handover_core::ports::Place;

/// One for each application and channel, as long as the process lives; of pairs none. A value that was sealed anew has
/// another data key, so nothing stale is ever opened.
#[derive(Clone, Default)]
pub(super) struct KeptKeys(Arc<Mutex<HashMap<Place, Kept>>>);

struct Kept {
    encrypted: Vec<u8>,
    key: Arc<RandomizedNonceKey>,
}

impl fmt::Debug for KeptKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptKeys(hidden)")
    }
}

impl KeptKeys {
    /// The key that KMS has opened before for this very place and form.
    pub fn find(&self, place: &Place, encrypted: &[u8]) -> Option<Arc<RandomizedNonceKey>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(place)
            .filter(|kept| kept.encrypted == encrypted)
            .map(|kept| Arc::clone(&kept.key))
    }

    pub fn keep(&self, place: &Place, encrypted: &[u8], key: &Arc<RandomizedNonceKey>) {
        if matches!(place, Place::Pair(_)) {
            return;
        }
        let kept = Kept {
            encrypted: encrypted.to_vec(),
            key: Arc::clone(key),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(place.clone(), kept);
    }
}
