use crate::WORKS;
use crate::target::Target;
use crate::work::Connections;

/// What was measured of both drivers.
pub struct Comparison {
    /// With the guard.
    pub guarded: Figure,
    /// Without it.
    pub bare: Figure,
}

/// A quantity that was measured several times.
pub struct Figure(pub Vec<f64>);

impl Figure {
    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    fn median(&self) -> f64 {
        self.sorted()[self.0.len() / 2]
    }

    fn shown(&self) -> String {
        let sorted = self.sorted();
        format!("{:.0} ({:.0} to {:.0})", self.median(), sorted[0], sorted[sorted.len() - 1])
    }
}

/// Measures everything, and prints a row for each as soon as it is there.
pub fn print(targets: &[Target], measure: impl Fn(&Target, Connections, usize, u32, u32) -> Comparison) {
    println!(
        "{:<12}{:<11}{:>8}  {:>26}  {:>26}  {:>8}  {:>6}",
        "connections", "transport", "callers", "guarded", "bare", "cost", "ratio"
    );
    for (connections, callers, logins, counted) in WORKS {
        for target in targets {
            let Comparison { guarded, bare } = measure(target, connections, callers, logins, counted);
            println!(
                "{:<12}{:<11}{callers:>8}  {:>26}  {:>26}  {:>+8.0}  {:>6.2}",
                connections.name(),
                target.transport.name(),
                guarded.shown(),
                bare.shown(),
                guarded.median() - bare.median(),
                guarded.median() / bare.median(),
            );
        }
    }
}
