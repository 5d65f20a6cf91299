//! The world of a simulated fleet of leasing functions: its size, its faults, its demand.

use super::chance::Chance;
use crate::rate::Plan;

/// How a function spends a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// All of it at once, as early as allowed.
    Eager,
    /// All of it in the last instant.
    Hoarder,
    /// Some now, some later.
    Mixed,
}

/// A wrong limiter, to test that the oracle notices it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mutant {
    /// Added to the burst's tolerance, in µs, without paying for it.
    pub(super) tau: i64,
    /// Added to a lease's life, in µs, without paying for it.
    pub(super) life: i64,
    /// A lease's cost is this much smaller, in µs.
    pub(super) cost: i64,
    /// A lease begins so many µs too early: `<` for `<=`.
    pub(super) from: i64,
    /// A lease ends so many µs too late: `<=` for `<`.
    pub(super) until: i64,
    /// So many permits too many in each lease.
    pub(super) permits: u32,
    /// The limit behind the price is this much larger: `L + 1` for `L`.
    pub(super) limit: u32,
    /// Writes are made whatever their guard says.
    pub(super) unguarded: bool,
    /// A stricter limit is not charged for outstanding permits.
    pub(super) no_surcharge: bool,
    /// A lease is measured on the present wall clock, not from before the request to the store.
    pub(super) from_answer: bool,
}

/// One schedule's circumstances.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) functions: usize,
    /// The most requests wanted at once. `greedy`: always that many, and spent as soon as allowed.
    pub(super) burst: u32,
    pub(super) greedy: bool,
    /// How long the run lasts, in µs.
    pub(super) horizon: i64,
    /// The most requests and steps, so that no schedule takes long.
    pub(super) calls_max: usize,
    pub(super) steps_max: usize,
    /// How far clocks are off and requests are late, in µs: `2 × clock + delay` is the plan's error.
    pub(super) clock: i64,
    pub(super) delay: i64,
    /// The longest way to the store, and the longest way back, in µs.
    pub(super) way: i64,
    /// The longest pause between two steps, in µs, and how many steps in a hundred have one.
    pub(super) pause: i64,
    pub(super) pauses: i64,
    /// The longest time between two wishes, in µs; 0: there is always a wish.
    pub(super) idle: i64,
    /// How long a function waits for its lease at most, in µs.
    pub(super) patience: i64,
    /// In a hundred writes: answers lost, writes applied twice, writes that come very late.
    pub(super) lost: i64,
    pub(super) twice: i64,
    pub(super) late: i64,
    /// In a hundred wishes: crashes, changes of the configured limit, cuts, refusals of a request and of the account.
    pub(super) crashes: i64,
    pub(super) changes: i64,
    pub(super) cuts: i64,
    pub(super) refusals: i64,
    pub(super) suspensions: i64,
    /// In a hundred functions: those that may use only a share of the limit.
    pub(super) low: i64,
    /// Answers carry the vendor's headers, and functions judge them.
    pub(super) headers: bool,
    pub(super) mutant: Mutant,
}

impl World {
    /// A random world.
    pub(super) fn of(chance: &mut Chance) -> Self {
        let window = chance.pick(&[100, 1_000, 60_000, 5_000_000, 60_000_000]);
        let most = chance.pick(&[5, 40, 400, 1_200]);
        let limit = if chance.percent(50) { chance.size(most) } else { chance.within(1, i64::from(most)) as u32 };
        let life = chance.edgy(window / 100, window / 12);
        let tau = chance.edgy(window / 1_000, window / 12);
        let clock = chance.edgy(0, window / 80);
        let delay = chance.edgy(0, window / 60);
        let plan = Plan::with(limit, window, life, tau, 2 * clock + delay);
        let few = |chance: &mut Chance, most: i64| if chance.percent(75) { 0 } else { chance.to(most) };
        let most = chance.pick(&[1, 3, 20, 200]);
        let functions = chance.size(most) as usize;
        Self {
            plan,
            functions,
            burst: if chance.percent(50) { limit } else { chance.size(limit.saturating_mul(2)) },
            greedy: false,
            horizon: chance.within(2, 5) * window,
            calls_max: 8_000,
            steps_max: 2_500 + 10 * functions,
            clock,
            delay,
            way: chance.edgy(0, life / 2),
            pause: chance.edgy(0, 3 * (life + tau)),
            pauses: few(chance, 30),
            idle: if chance.percent(60) { 0 } else { chance.to(window / 2) },
            patience: chance.edgy(0, window),
            lost: few(chance, 20),
            twice: few(chance, 20),
            late: few(chance, 10),
            crashes: few(chance, 10),
            changes: few(chance, 10),
            cuts: few(chance, 6),
            refusals: few(chance, 6),
            suspensions: few(chance, 4),
            low: few(chance, 60),
            headers: false,
            mutant: Mutant::default(),
        }
    }

    /// A world in which nothing goes wrong and all functions want more than the limit.
    pub(super) fn smooth(plan: Plan, functions: usize, minutes: i64) -> Self {
        Self {
            plan,
            functions,
            burst: 5_000,
            greedy: true,
            horizon: minutes * plan.window_us,
            calls_max: usize::MAX,
            steps_max: usize::MAX,
            clock: 50_000,
            delay: 50_000,
            way: 10_000,
            pause: 0,
            pauses: 0,
            idle: 0,
            patience: plan.window_us,
            lost: 0,
            twice: 0,
            late: 0,
            crashes: 0,
            changes: 0,
            cuts: 0,
            refusals: 0,
            suspensions: 0,
            low: 0,
            headers: false,
            mutant: Mutant::default(),
        }
    }
}
