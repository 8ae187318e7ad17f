//! Medians with their spread.

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// What was measured, again and again.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// One more.
    pub fn add(&mut self, value: f64) {
        let at = self.0.partition_point(|known| *known < value);
        self.0.insert(at, value);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value below which `percent` of all lie, by nearest rank; 0 of none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(rank).copied().unwrap_or_default()
    }

    /// The middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<Values: IntoIterator<Item = f64>>(values: Values) -> Self {
        let mut sample = Self::default();
        values.into_iter().for_each(|value| sample.add(value));
        sample
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Sample", 4)?;
        fields.serialize_field("median", &self.median())?;
        fields.serialize_field("p10", &self.percentile(10))?;
        fields.serialize_field("p90", &self.percentile(90))?;
        fields.serialize_field("count", &self.count())?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sample: Sample = (1..=10).rev().map(f64::from).collect();
        assert!((sample.median() - 5.0).abs() < 0.01);
        assert!((sample.percentile(10) - 1.0).abs() < 0.01);
        assert!((sample.percentile(90) - 9.0).abs() < 0.01);
        assert!(Sample::default().median().abs() < 0.01);
    }
}
