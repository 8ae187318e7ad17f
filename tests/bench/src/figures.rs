//! From what was measured to the lines of the table, each with its goal.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::{
    batch::Batches,
    cold::Cold,
    cost::{Bill, Prices, naive},
    life::Life,
    machine::Machine,
    memory::Growth,
    programs::{FUNCTIONS, NODE, PYTHON, Places},
    report::Figure,
    scale::Scale,
    stats::Sample,
    warm::Warm,
};

/// All that a run brought.
#[derive(Serialize)]
pub struct Run {
    /// Where.
    pub machine: Machine,
    /// The injected round trip.
    pub round_trip_ms: f64,
    /// Cold starts by program.
    pub cold: BTreeMap<String, Cold>,
    /// Warm callbacks by program.
    pub warm: BTreeMap<String, Warm>,
    /// Registrations.
    pub batches: Batches,
    /// Memory over many messages.
    pub growth: Growth,
    /// A life.
    pub life: Life,
    /// Over many stored connections.
    pub scale: Scale,
    /// Bytes of each zip.
    pub zips: BTreeMap<String, u64>,
}

/// As Lambda counts its limits (its "50 MB" are 52,428,800 bytes), and the kernel memory.
const MEGABYTE: f64 = 1_048_576.0;

/// Bytes in MB.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE
}

/// The sizes of the zips.
///
/// # Errors
/// When one is missing.
pub fn zips(places: &Places) -> Result<BTreeMap<String, u64>> {
    let size = |name: &&str| Ok(((*name).to_owned(), fs::metadata(places.zip(name))?.len()));
    FUNCTIONS.iter().map(size).collect()
}

fn one(value: f64) -> Sample {
    [value].into_iter().collect()
}

#[allow(clippy::cast_precision_loss, reason = "counts and sizes far below 2^52")]
fn count(value: usize) -> f64 {
    value as f64
}

impl Run {
    /// The lines of the table.
    ///
    /// # Errors
    /// When a part was not measured.
    pub fn figures(&self) -> Result<Vec<Figure>> {
        let mut figures = self.cold_starts()?;
        figures.extend(self.warm_callbacks()?);
        figures.extend(self.worker());
        figures.extend(self.scale.figures());
        figures.extend(self.costs()?);
        Ok(figures)
    }

    fn cold(&self, name: &str) -> Result<&Cold> {
        self.cold.get(name).with_context(|| format!("{name} was not started"))
    }

    fn warm(&self, name: &str) -> Result<&Warm> {
        self.warm.get(name).with_context(|| format!("{name} was not invoked"))
    }

    fn cold_starts(&self) -> Result<Vec<Figure>> {
        let (ours, python, node) = (self.cold("callback")?, self.cold(PYTHON)?, self.cold(NODE)?);
        let beside = |name: &str, unit, of: fn(&Cold) -> &Sample| {
            Figure::of(name, unit, of(ours).clone()).beside(of(python).clone(), of(node).clone())
        };
        let times = |of: fn(&Cold) -> &Sample, peer: &Cold| of(peer).median() / of(ours).median();
        let trips = |cold: &Cold| one(cold.path.injected_ms / self.round_trip_ms);
        let sooner = times(|cold| &cold.ready_ms, python);
        let first = [python, node].map(|peer| times(|cold| &cold.first_answer_ms, peer));
        let mut figures = vec![
            beside("callback, cold: start to first `next`", "ms", |cold| &cold.ready_ms)
                .aiming("10 × sooner than Python", sooner >= 10.0),
            beside("callback, cold: start to first answer", "ms", |cold| {
                &cold.first_answer_ms
            })
            .aiming("4 × sooner than both", first.iter().all(|times| *times >= 4.0)),
            beside(
                "callback, cold: start to first answer, held to a 256 MB share",
                "ms",
                |cold| &cold.first_answer_256_ms,
            ),
            beside("callback, cold: processor time to first `next`", "ms", |cold| {
                &cold.cpu_ready_ms
            }),
            beside("callback, cold: processor time to first answer", "ms", |cold| {
                &cold.cpu_first_answer_ms
            }),
            Figure::of(
                "callback, cold: round trips from the first event on, connections included",
                "",
                trips(ours),
            )
            .beside(trips(python), trips(node)),
            beside("callback: resident memory after the first answer", "MB", |cold| {
                &cold.resident_mb
            })
            .aiming("at most 25", ours.resident_mb.median() <= 25.0),
        ];
        for name in ["worker", "sweeper"] {
            let cold = self.cold(name)?;
            figures.extend([
                Figure::of(
                    format!("{name}, cold: start to first `next`"),
                    "ms",
                    cold.ready_ms.clone(),
                ),
                Figure::of(
                    format!("{name}, cold: start to first answer"),
                    "ms",
                    cold.first_answer_ms.clone(),
                ),
                Figure::of(
                    format!("{name}: resident memory after the first answer"),
                    "MB",
                    cold.resident_mb.clone(),
                )
                .aiming("at most 25", cold.resident_mb.median() <= 25.0),
            ]);
        }
        for (name, bytes) in &self.zips {
            let megabytes = megabytes(*bytes);
            figures.push(
                Figure::of(format!("{name}: zip"), "MB", one(megabytes))
                    .against("limit", 3.0)
                    .aiming("at most 3", megabytes <= 3.0),
            );
        }
        Ok(figures)
    }

    fn warm_callbacks(&self) -> Result<Vec<Figure>> {
        let (ours, python, node) = (self.warm("callback")?, self.warm(PYTHON)?, self.warm(NODE)?);
        let trips = |warm: &Warm| one(warm.path.injected_ms / self.round_trip_ms);
        let whole = |warm: &Warm| one(warm.whole.injected_ms / self.round_trip_ms);
        let requests = |warm: &Warm| one(count(warm.calls.values().sum::<usize>()));
        let four = 4.0 * self.round_trip_ms;
        let (own, of_four) = (ours.over_injected.median(), ours.answer_ms.median() / four);
        Ok(vec![
            Figure::of("callback, warm: answer", "ms", ours.answer_ms.clone())
                .beside(python.answer_ms.clone(), node.answer_ms.clone())
                .against("four round trips", four)
                .aiming("at most 1.10 × four round trips", of_four <= 1.10),
            Figure::of(
                "callback, warm: round trips one after another until the answer, connections included",
                "",
                trips(ours),
            )
            .beside(trips(python), trips(node))
            .against("limit", 4.0)
            .aiming("at most 4", trips(ours).median() <= 4.0),
            Figure::of("callback, warm: … until all that came of it had ended", "", whole(ours))
                .beside(whole(python), whole(node)),
            Figure::of(
                "callback, warm: answer over its own injected time",
                "",
                ours.over_injected.clone(),
            )
            .beside(python.over_injected.clone(), node.over_injected.clone())
            .aiming("at most 1.10", own <= 1.10),
            Figure::of("callback, warm: calls, connections included", "", requests(ours))
                .beside(requests(python), requests(node)),
            Figure::of("callback, warm: processor time", "ms", ours.cpu_ms.clone())
                .beside(python.cpu_ms.clone(), node.cpu_ms.clone()),
            Figure::of("callback, warm: write units", "", one(ours.units.writes))
                .beside(one(python.units.writes), one(node.units.writes)),
        ])
    }

    fn worker(&self) -> Vec<Figure> {
        let batches = &self.batches;
        let times = batches.ten_ms.median() / batches.one_ms.median();
        let limit = 10_000.0 / batches.path.injected_ms;
        let share = batches.per_second.median() / limit;
        let growth = self.growth.after_all_mb - self.growth.after_a_tenth_mb;
        vec![
            Figure::of("worker: a batch of one", "ms", batches.one_ms.clone())
                .against("injected", batches.path.injected_ms),
            Figure::of("worker: a batch of ten", "ms", batches.ten_ms.clone())
                .against("1.15 × one", 1.15 * batches.one_ms.median())
                .aiming("at most 1.15 × one", times <= 1.15),
            Figure::of(
                "worker: registrations a second in one environment",
                "",
                batches.per_second.clone(),
            )
            .against("10 ÷ upstream time", limit)
            .aiming("at least 0.90 × limit", share >= 0.9),
            Figure::of(
                "worker: processor time of a batch of ten",
                "ms",
                batches.cpu_ten_ms.clone(),
            ),
            Figure::of(
                format!(
                    "worker: memory gained from message {} to {}",
                    self.growth.messages / 10,
                    self.growth.messages
                ),
                "MB",
                one(growth),
            )
            .aiming("flat: at most 1", growth <= 1.0),
            Figure::of(
                "worker: highest memory over these messages",
                "MB",
                one(self.growth.highest_mb),
            )
            .aiming("at most 25", self.growth.highest_mb <= 25.0),
        ]
    }

    /// The bills of a million pairs: ours, the naive design's, and that of deferring alone.
    ///
    /// # Errors
    /// When something has no price.
    pub fn bills(&self) -> Result<[Bill; 3]> {
        let prices = Prices::read()?;
        Ok([
            prices.bill(&self.life.needs)?,
            prices.bill(&naive()?)?,
            prices.bill(&self.life.deferral)?,
        ])
    }

    fn costs(&self) -> Result<Vec<Figure>> {
        let [bill, naive, deferral] = self.bills()?;
        let mut figures = vec![
            Figure::of("a million pairs, all in all", "$", one(bill.total))
                .against("naive design", naive.total)
                .aiming("at most 25", bill.total <= 25.0),
        ];
        for (what, dollars) in &bill.by_price {
            let figure = Figure::of(format!("a million pairs: {what}"), "$", one(*dollars));
            let alternative = naive.by_price.get(what);
            figures.push(match alternative {
                Some(naive) => figure.against("naive design", *naive),
                None => figure,
            });
        }
        for (what, units) in &self.life.written {
            if *units > 0.0 {
                figures.push(Figure::of(format!("write units of one pair: {what}"), "", one(*units)));
            }
        }
        figures.push(
            Figure::of(
                "deferring a million registrations, to the second",
                "$",
                one(deferral.total),
            )
            .against("EventBridge Scheduler, to 60 s", 1.0),
        );
        Ok(figures)
    }
}
