//! Dollars for a million pairs: what was counted and measured, times public prices.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

const PRICES: &str = include_str!("../prices.json");
const NAIVE: &str = include_str!("../naive.json");
const MILLION: f64 = 1_000_000.0;

#[derive(Deserialize)]
struct Price {
    usd: f64,
}

/// Public prices.
#[derive(Deserialize)]
pub struct Prices {
    prices: BTreeMap<String, Price>,
}

#[derive(Deserialize)]
struct Count {
    count: f64,
}

#[derive(Deserialize)]
struct Naive {
    counts: BTreeMap<String, Count>,
}

/// How much of what one pair needs, by the names of the prices.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Needs(pub BTreeMap<String, f64>);

impl Needs {
    /// More of something.
    pub fn add(&mut self, what: &str, much: f64) {
        *self.0.entry(what.to_owned()).or_default() += much;
    }

    /// All of another, `times` over.
    pub fn add_all(&mut self, other: &Self, times: f64) {
        for (what, much) in &other.0 {
            self.add(what, much * times);
        }
    }
}

/// A bill for a million pairs, in dollars.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Bill {
    /// By what is charged.
    pub by_price: BTreeMap<String, f64>,
    /// All of it.
    pub total: f64,
}

impl Prices {
    /// Those of `prices.json`.
    ///
    /// # Errors
    /// When the file is wrong.
    pub fn read() -> Result<Self> {
        serde_json::from_str(PRICES).context("prices.json")
    }

    /// What a million times `needs` costs.
    ///
    /// # Errors
    /// When something has no price.
    pub fn bill(&self, needs: &Needs) -> Result<Bill> {
        let mut bill = Bill::default();
        for (what, much) in &needs.0 {
            let price = self.prices.get(what).with_context(|| format!("{what} has no price"))?;
            bill.by_price.insert(what.clone(), price.usd * much * MILLION);
        }
        bill.total = bill.by_price.values().sum();
        Ok(bill)
    }
}

/// What the naive design needs.
///
/// # Errors
/// When the file is wrong.
pub fn naive() -> Result<Needs> {
    let naive: Naive = serde_json::from_str(NAIVE).context("naive.json")?;
    let counts = naive.counts.into_iter().map(|(what, count)| (what, count.count));
    Ok(Needs(counts.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_naive_design_costs_what_it_is_said_to() {
        let bill = Prices::read().unwrap().bill(&naive().unwrap()).unwrap();
        assert!((bill.by_price["dynamodb_write_unit"] - 20.0).abs() < 0.01);
        assert!((bill.by_price["kms_request"] - 9.0).abs() < 0.01);
        assert!((bill.total - 36.0).abs() < 1.5, "{}", bill.total);
    }

    #[test]
    fn what_has_no_price_is_named() {
        let mut needs = Needs::default();
        needs.add("wishes", 1.0);
        let error = Prices::read().unwrap().bill(&needs).unwrap_err();
        assert!(error.to_string().contains("wishes"));
    }
}
